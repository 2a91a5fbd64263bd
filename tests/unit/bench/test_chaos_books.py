"""The books of a bad day see what must not happen."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from bench.chaos.books import Books
from bench.chaos.plan import DEPLOYMENTS, Kind, Plan, draw
from bench.chaos.tables import _SHORT
from bench.chaos.testbed import Sites
from bench.model_server import Stats
from src.domain.stages import STAGES, Stage

ARTICLE = uuid4()
DEAD, ALIVE = "blue@host:1:dead", "blue@host:2:alive"


def a_call(stage: str, **changes: Any) -> Any:
    asked = {"keyword": "a door", "article_id": ARTICLE, "revision": 1, "stage": stage, "round": 0, "question": stage}
    return SimpleNamespace(**asked | {"status": "answered", "error_type": None, "worker": ALIVE} | changes)


def the_books(
    *further: Any,
    counted: dict[str, int] | None = None,
    keyword: str = "written",
    reason: str | None = None,
    articles: int = 1,
    cancelled: frozenset[UUID] = frozenset(),
) -> Books:
    """The books of one keyword whose four stages were answered once, and what happened further."""
    by_stage = dict.fromkeys(STAGES, 1) | {Stage(stage): count for stage, count in (counted or {}).items()}
    article = SimpleNamespace(keyword="a door", status="needs_review", has_page=True, stages=4)
    kept: dict[str, Any] = {
        "calls": [*(a_call(stage.value) for stage in STAGES), *further],
        "keywords": [SimpleNamespace(phrase="a door", status=keyword, reason=reason)],
        "articles": [article] * articles,
    }
    stats = Stats(
        calls=sum(by_stage.values()),
        answered=4,
        in_flight=0,
        max_in_flight=1,
        by_stage_and_keyword={stage: {"a door": count} for stage, count in by_stage.items()},
        refused=0,
        cpu_seconds=0,
    )
    return Books(stats=stats, cancelled=set(cancelled), killed={DEAD}, **kept)


def wrong(books: Books) -> list[str]:
    plan = Plan(seed=1, latency=0.1, keywords=(1,), limits=(1,), events=())
    return list(books.problems(Sites(plan=plan, slugs=["shop"])))


@pytest.mark.parametrize(
    "books",
    [
        the_books(),
        the_books(a_call("C", status="lost", worker=DEAD), counted={"C": 2}),
        the_books(a_call("C", status="lost", worker=DEAD)),  # killed before the request was sent
        the_books(
            a_call("B", status="failed", error_type="Cancelled"), counted={"B": 2}, cancelled=frozenset([ARTICLE])
        ),
        the_books(a_call("A", status="failed", error_type="ModelRateLimited")),
    ],
)
def test_what_a_kill_a_cancellation_or_a_limit_explains_is_right(books: Books) -> None:
    assert wrong(books) == []


@pytest.mark.parametrize(
    ("books", "problem"),
    [
        (the_books(counted={"C": 2}), "the server counted 2 calls, the ledger has 1 answers"),
        (the_books(counted={"C": 0}), "the server counted 0 calls, the ledger has 1 answers"),
        (the_books(a_call("C"), counted={"C": 2}), "2 answers were paid for"),
        (the_books(a_call("C", status="lost"), counted={"C": 2}), "which was not killed"),
        (the_books(a_call("B", status="failed", error_type="Cancelled")), "nobody cancelled its batch"),
        (the_books(a_call("A", status="failed", error_type="ModelStreamTruncated")), "ModelStreamTruncated"),
        (the_books(keyword="claimed"), "a door: claimed"),
        (the_books(keyword="failed", reason="ModelRefused: no"), "a door: failed"),
        (the_books(articles=2), "2 finished articles, 1 wanted"),
        (the_books(articles=0), "0 finished articles, 1 wanted"),
    ],
)
def test_what_nothing_explains_is_wrong(books: Books, problem: str) -> None:
    assert [found for found in wrong(books) if problem in found]


def test_a_seed_draws_the_same_plan_every_time() -> None:
    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


@pytest.mark.parametrize(("colours", "missing"), [(False, DEPLOYMENTS), (True, frozenset())])
def test_a_hundred_seeds_have_every_kind_of_event(colours: bool, missing: frozenset[Kind]) -> None:
    drawn = {event.kind for seed in range(1, 101) for event in draw(seed, colours=colours).events}
    assert drawn == set(Kind) - missing


def test_every_kind_of_event_has_a_short_name() -> None:
    assert [kind for kind in Kind if kind not in _SHORT] == []
