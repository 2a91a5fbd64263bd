"""The books of a trial, checked from outside.

The model server's own count, and the rows.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, TextClause, text

from bench.model_server import Stats
from src.domain.stages import STAGES

from .recovery import what_is_left
from .testbed import SLOTS, Sites, Testbed, patiently

# The server did not count these as calls: it refused them, or nobody sent them.
_REFUSALS = {"ModelRateLimited", "ModelUnavailable", "ModelOverloaded", "NotSent"}

_CALLS = text("""
SELECT keyword, article_id, revision, stage, round, coalesce(question, prompt_hash) AS question, status, error_type,
       worker FROM model_calls WHERE site = ANY(:sites) ORDER BY opened_at
""")
_KEYWORDS = text("SELECT site, phrase, status, reason FROM longtails WHERE site = ANY(:sites)")
_ARTICLES = text("""
SELECT articles.id, keyword, status, error_type, error_message, html IS NOT NULL AS has_page, revision,
       (SELECT count(*) FROM stage_outputs AS made
        WHERE (made.article_id, made.revision) = (articles.id, articles.revision)) AS stages
FROM articles WHERE site = ANY(:sites)
""")
_OF_BATCHES = text("SELECT article_id FROM batch_articles WHERE batch_id = ANY(:batches)")
_INSTANCES = text("SELECT instance FROM workers WHERE pid = ANY(:pids)")

Question = tuple[UUID, int, str, int, str]


class Counts(NamedTuple):
    """What a trial came to.

    Attributes:
        lost: calls whose worker was killed between request and commit.
        cut: calls cut off when somebody cancelled their batch.
        refused: requests that the provider did not take.
        calls: counted by the model server.
        needed: questions that have an answer.
        failed: articles that failed with a reason.
    """

    articles: int
    failed: int
    needed: int
    calls: int
    lost: int
    cut: int
    refused: int


@dataclass(frozen=True, kw_only=True)
class Books:
    """The rows of a trial's sites, and the model server's count."""

    stats: Stats
    calls: Sequence[Row[Any]]
    keywords: Sequence[Row[Any]]
    articles: Sequence[Row[Any]]
    cancelled: set[UUID]  # articles of batches that somebody cancelled
    killed: set[str]  # worker instances

    def count(self) -> Counts:
        """Return the counts for the table."""
        by_status = Counter(call.status for call in self.calls)
        articles = Counter(article.status for article in self.articles)
        return Counts(
            articles=articles["needs_review"],
            failed=articles["failed"],
            needed=len(self._answers()),
            calls=self.stats.calls,
            lost=by_status["lost"],
            cut=sum(call.error_type == "Cancelled" for call in self.calls),
            refused=self.stats.refused,
        )

    def problems(self, sites: Sites) -> Iterator[str]:
        """Yield everything that does not hold."""
        yield from self._bought_again()
        yield from self._uncounted()
        yield from self._unexplained()
        yield from self._unfinished_keywords()
        yield from self._articles_lost(sites)

    def _answers(self) -> Counter[Question]:
        return Counter(
            (call.article_id, call.revision, call.stage, call.round, call.question)
            for call in self.calls
            if call.status in ("answered", "discarded")
        )

    def _bought_again(self) -> Iterator[str]:
        for (article, _, stage, number, _), answers in self._answers().items():
            if answers > 1:
                yield f"article {article}, stage {stage}, round {number}: {answers} answers were paid for"
            if number:
                yield f"article {article}, stage {stage}: an answer had to be corrected"

    def _uncounted(self) -> Iterator[str]:
        """Compare the model server's count with the ledger, by keyword and stage."""
        answered, may_have_arrived = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for call in self.calls:
            key = (call.keyword, call.stage)
            answered[key] += call.status in ("answered", "discarded")
            may_have_arrived[key] += call.status == "lost" or call.error_type == "Cancelled"
        counted = Counter(
            {
                (keyword, stage.value): count
                for stage, by in self.stats.by_stage_and_keyword.items()
                for keyword, count in by.items()
            }
        )
        for key in answered.keys() | counted.keys():
            others = counted[key] - answered[key]
            if not 0 <= others <= may_have_arrived[key]:
                yield (
                    f"{key[0]}, stage {key[1]}: the server counted {counted[key]} calls, the ledger has "
                    f"{answered[key]} answers and {may_have_arrived[key]} lost or cut off: {self._story(*key)}"
                )

    def _unexplained(self) -> Iterator[str]:
        """Yield what nothing explains that happened to a call."""
        lost = Counter(call.worker for call in self.calls if call.status == "lost")
        for worker, count in lost.items():
            if worker not in self.killed:
                yield f"{count} calls lost of {worker}, which was not killed"
            elif count > SLOTS:
                yield f"{count} calls lost of {worker}, which has {SLOTS} slots"
        for call in self.calls:
            if call.status == "failed" and call.error_type == "Cancelled":
                if call.article_id not in self.cancelled:
                    yield f"{call.keyword}, stage {call.stage}: cut off, though nobody cancelled its batch"
            elif call.status == "failed" and call.error_type not in _REFUSALS:
                yield f"{call.keyword}, stage {call.stage}: {call.error_type}"

    def _unfinished_keywords(self) -> Iterator[str]:
        for keyword in self.keywords:
            if keyword.status == "failed" and keyword.reason and keyword.reason.startswith("WorkerLost"):
                continue  # lost three times with its worker
            if keyword.status != "written":
                yield f"{keyword.phrase}: {keyword.status}, {keyword.reason}"

    def _articles_lost(self, sites: Sites) -> Iterator[str]:
        finished = Counter(article.keyword for article in self.articles if article.status == "needs_review")
        for keyword in self.keywords:
            most = 1 + sites.requeued.get(keyword.phrase, 0)
            if keyword.status == "written" and not 1 <= finished[keyword.phrase] <= most:
                yield f"{keyword.phrase}: {finished[keyword.phrase]} finished articles, {most} wanted"
        for article in self.articles:
            if article.status == "needs_review" and not (article.has_page and article.stages == len(STAGES)):
                yield f"{article.keyword}: finished with {article.stages} stages, page: {article.has_page}"
        if len(self.keywords) != sum(sites.plan.keywords):
            yield f"{len(self.keywords)} keywords of {sum(sites.plan.keywords)}"

    def _story(self, keyword: str, stage: str) -> str:
        of_stage = (call for call in self.calls if (call.keyword, call.stage) == (keyword, stage))
        return "; ".join(f"{call.status} {call.error_type or ''} by {call.worker}" for call in of_stage)


async def read(testbed: Testbed, sites: Sites) -> Books:
    """Return the books as they are now."""

    async def rows() -> list[Sequence[Row[Any]]]:
        async with testbed.installed.database.engine.connect() as connection:
            asked: tuple[tuple[TextClause, dict[str, Any]], ...] = (
                *((statement, {"sites": sites.slugs}) for statement in (_CALLS, _KEYWORDS, _ARTICLES)),
                (_OF_BATCHES, {"batches": list(sites.cancelled)}),
                (_INSTANCES, {"pids": list(testbed.workers.killed)}),
            )
            return [(await connection.execute(statement, values)).all() for statement, values in asked]

    calls, keywords, articles, cancelled, killed = await patiently(rows)
    return Books(
        stats=testbed.models.stats(),
        calls=calls,
        keywords=keywords,
        articles=articles,
        cancelled={row.article_id for row in cancelled},
        killed={row.instance for row in killed},
    )


async def list_left(testbed: Testbed, sites: Sites) -> list[str]:
    """Return what has not ended, in words."""
    left = await patiently(lambda: what_is_left(testbed, sites))
    return [f"{len(where)} {what} of {', '.join(_unique(where))}" for what, where in left.items()]


def _unique(names: Iterable[str]) -> list[str]:
    return sorted(set(names))
