"""Reviews over HTTP: who decides first wins, old bytes are refused, nothing is decided twice."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from httpx2 import AsyncClient, Response
from sqlalchemy import text
from structlog.testing import capture_logs

from src.application.requests import Requests
from src.domain.finding import Finding, Severity
from src.domain.person import Grant, Role
from tests.factories import a_site
from tests.finished_articles import SITE, finished_articles, save
from tests.publications import set_rules

from .conftest import Api
from .test_requests import HOSTILE, counted, is_problem

OLD = "0" * 64


@dataclass
class Desk:
    """Reviewers at work, and articles that nobody has touched yet."""

    api: Api
    anne: AsyncClient  # reviewer
    bert: AsyncClient  # reviewer
    paula: AsyncClient  # publisher
    gina: AsyncClient  # reviewer of another site
    untouched: deque[str]

    def take(self, count: int = 1) -> list[str]:
        return [self.untouched.popleft() for _ in range(count)]

    async def text_of(self, article: str) -> str:
        return str((await self.anne.get(f"/api/v1/reviews/{article}")).json()["text"]["content_hash"])

    async def decisions_on(self, article: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.anne.get(f"/api/v1/reviews/{article}")).json()["decisions"]
        return found


@pytest.fixture(scope="module")
async def people(api: Api, admin: str) -> dict[str, str]:
    """The token of each, once there are articles; the first user is the admin."""
    async with api.database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug="garden-shop"))
    return {}


@pytest.fixture(scope="module")
async def untouched(api: Api, people: dict[str, str]) -> deque[str]:
    refs = await finished_articles(api.database, 29)
    for ref in refs:
        await save(api.database, ref)
    roles = {"anne": Role.REVIEWER, "bert": Role.REVIEWER, "paula": Role.PUBLISHER}
    for name, role in roles.items():
        people[name] = await api.person(name, Grant(role=role, site=SITE))
    people["gina"] = await api.person("gina", Grant(role=Role.REVIEWER, site="garden-shop"))
    return deque(str(ref.article_id) for ref in refs)


@pytest.fixture
async def desk(api: Api, people: dict[str, str], untouched: deque[str]) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(api.client(token)) for name, token in people.items()}
        yield Desk(api, **clients, untouched=untouched)


async def approve(client: AsyncClient, article: str, content_hash: str, **options: Any) -> Response:
    return await client.post(f"/api/v1/reviews/{article}/approve", json={"content_hash": content_hash}, **options)


async def edit(client: AsyncClient, article: str, parent: str, **lines: Any) -> Response:
    return await client.post(f"/api/v1/articles/{article}/revisions", json=lines, headers={"If-Match": f'"{parent}"'})


# --- decisions


async def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told_who_and_when(desk: Desk) -> None:
    (article,) = desk.take()
    seen = await desk.text_of(article)
    rejection = {"content_hash": seen, "reason": "quality", "keyword": "never"}
    answers = await asyncio.gather(
        approve(desk.anne, article, seen), desk.bert.post(f"/api/v1/reviews/{article}/reject", json=rejection)
    )
    (won,) = [each for each in answers if each.status_code == 200]
    (lost,) = [each for each in answers if each.status_code != 200]
    document = is_problem(lost, 409)
    (decision,) = await desk.decisions_on(article)
    assert document["type"] == "/problems/already-decided"
    assert (document["by"], document["status_of_article"]) == (decision["by"], decision["to_status"])
    assert document["at"].startswith(decision["at"][:19])
    assert won.json()["decision"]["id"] == decision["id"]
    assert not won.json()["is_told"]  # Temporal is away: it was made all the same


async def test_an_approval_of_old_bytes_is_refused_with_both_and_who_replaced_them(desk: Desk) -> None:
    (article,) = desk.take()
    old = await desk.text_of(article)
    new = (await edit(desk.bert, article, old, title="Another title")).json()["revision"]["content_hash"]
    for refused in (
        await approve(desk.anne, article, old),
        await edit(desk.anne, article, old, title="A third title"),
    ):
        document = is_problem(refused, 412)
        assert (document["expected"], document["current"], document["by"]) == (old, new, "bert")
        assert (document["expected_revision"], document["revision"]) == (1, 2)
        assert document["at"]
        assert refused.headers["ETag"] == f'"{new}"'
    assert "expected_revision" not in is_problem(await approve(desk.anne, article, OLD), 412)
    assert [each["kind"] for each in await desk.decisions_on(article)] == ["edit"]
    assert (await approve(desk.anne, article, new)).json()["status"] == "approved"


async def test_a_decision_with_a_key_is_made_once_and_answered_alike(desk: Desk) -> None:
    (article,) = desk.take()
    seen = await desk.text_of(article)
    headers = {"Idempotency-Key": "one"}
    at_once = await asyncio.gather(*(approve(desk.anne, article, seen, headers=headers) for _ in range(6)))
    again = await approve(desk.anne, article, seen, headers=headers)
    assert {each.status_code for each in [*at_once, again]} == {200}
    assert len({each.json()["decision"]["id"] for each in [*at_once, again]}) == 1
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await desk.decisions_on(article)) == 1
    assert is_problem(await approve(desk.anne, article, OLD, headers=headers), 422)["reason"] == "reused"
    assert is_problem(await approve(desk.bert, article, seen, headers=headers), 409)["by"] == "anne"  # his own key

    async with desk.api.database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM idempotency_keys"))  # as after a day
    late = await approve(desk.anne, article, seen, headers=headers)
    assert late.json()["is_repeated"]
    assert late.json()["decision"] == again.json()["decision"]
    async with desk.api.database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM idempotency_keys"))
    other = {"content_hash": seen, "note": "another one"}
    refused = await desk.anne.post(f"/api/v1/reviews/{article}/approve", json=other, headers=headers)
    assert is_problem(refused, 409)["reason"] == "key_used"
    assert len(await desk.decisions_on(article)) == 1


async def test_a_decision_whose_answer_was_cut_off_is_answered_when_it_is_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (article,) = desk.take()
    seen = await desk.text_of(article)

    async def die(*_: object, **__: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as dying:
        dying.setattr(Requests, "finish", die)
        assert (await approve(desk.anne, article, seen, headers={"Idempotency-Key": "cut"})).status_code == 503
    again = await approve(desk.anne, article, seen, headers={"Idempotency-Key": "cut"})
    assert again.json()["is_repeated"]
    assert len(await desk.decisions_on(article)) == 1


async def test_every_decision_leads_where_it_says(desk: Desk) -> None:
    (article,) = desk.take()
    seen = await desk.text_of(article)
    changes = {"content_hash": seen, "reason": "tone", "note": "friendlier"}
    for who, verb, body, status in (
        (desk.anne, "snooze", {"until": "2100-01-01T00:00:00Z"}, "needs_review"),
        (desk.anne, "park", {"note": "until spring", "content_hash": seen}, "parked"),
        (desk.anne, "restore", {}, "needs_review"),
        (desk.anne, "approve", {"content_hash": seen}, "approved"),
        (desk.paula, "withdraw", {"reason": "outdated"}, "withdrawn"),
        (desk.anne, "restore", {}, "needs_review"),
        (desk.anne, "request-changes", changes, "changes_requested"),
    ):
        decided = await who.post(f"/api/v1/reviews/{article}/{verb}", json=body)
        assert (decided.status_code, decided.json()["status"]) == (200, status), (verb, decided.text)
    refused = is_problem(await desk.anne.post(f"/api/v1/reviews/{article}/park", json={}), 409)
    assert refused["by"] == "anne"
    nothing_said = {"content_hash": seen, "reason": "other", "note": " \u200b "}
    is_problem(await desk.anne.post(f"/api/v1/reviews/{article}/request-changes", json=nothing_said), 422)
    is_problem(await desk.anne.post(f"/api/v1/reviews/{article}/approve", json={"content_hash": seen[:12]}), 422)


async def test_a_finding_that_blocks_is_waived_for_these_bytes_by_who_may(desk: Desk) -> None:
    (article,) = desk.take()
    seen = await desk.text_of(article)
    bad = Finding(rule="test.lies", rule_version=1, severity=Severity.BLOCKING, message="it lies")
    async with desk.api.database.unit_of_work() as uow:
        await uow.findings.store(article, 1, [bad])  # type: ignore[arg-type] # the driver takes text too
    blocked = is_problem(await approve(desk.anne, article, seen), 409)
    assert blocked["hint"] == "waive_finding"
    path, why = f"/api/v1/reviews/{article}/findings/0/waive", {"content_hash": seen, "reason": "a quote"}
    is_problem(await desk.anne.post(path, json=why), 403)
    is_problem(await desk.paula.post(path, json=why | {"content_hash": OLD}), 412)
    assert (await desk.paula.post(path, json=why)).json()["waived_by"] == "paula"
    assert (await approve(desk.anne, article, seen)).status_code == 200


async def test_a_bulk_decision_leaves_out_and_lists_what_changed_since_it_was_seen(desk: Desk) -> None:
    articles = desk.take(3)
    texts = [{"article_id": each, "content_hash": await desk.text_of(each)} for each in articles]
    await edit(desk.bert, articles[0], texts[0]["content_hash"], title="Another title")
    await approve(desk.bert, articles[1], texts[1]["content_hash"])
    body, headers = {"texts": texts, "note": "a good week"}, {"Idempotency-Key": "bulk"}
    is_problem(await desk.gina.post("/api/v1/decisions/approve", json=body), 403)
    decided = (await desk.anne.post("/api/v1/decisions/approve", json=body, headers=headers)).json()
    assert [each["decision"]["article_id"] for each in decided["decided"]] == [articles[2]]
    assert {each["article_id"]: each["error_type"] for each in decided["left_out"]} == {
        articles[0]: "TextReplaced",
        articles[1]: "AlreadyDecided",
    }
    assert "made by bert" in decided["left_out"][0]["message"]
    again = await desk.anne.post("/api/v1/decisions/approve", json=body, headers=headers)
    assert again.json() == decided
    for verb, more in (("request-changes", {"reason": "tone"}), ("reject", {"reason": "legal", "keyword": "never"})):
        answer = await desk.anne.post(f"/api/v1/decisions/{verb}", json={"texts": [texts[0]], **more})
        assert [each["error_type"] for each in answer.json()["left_out"]] == ["TextReplaced"]


async def test_a_bulk_decision_asks_a_temporal_that_is_away_once(desk: Desk) -> None:
    texts = [{"article_id": each, "content_hash": await desk.text_of(each)} for each in desk.take(3)]
    with capture_logs() as logs:
        decided = (await desk.anne.post("/api/v1/decisions/approve", json={"texts": texts})).json()["decided"]
    assert [each["is_told"] for each in decided] == [False] * 3
    assert len([each for each in logs if each["event"] == "decision_not_signalled"]) == 1


async def test_an_approval_publishes_by_the_sites_rule_or_as_a_publisher_wishes(desk: Desk) -> None:
    by_rule, wished, held = desk.take(3)

    async def asked(who: AsyncClient, article: str, publish: Any) -> Response:
        body = {"content_hash": await desk.text_of(article), "publish": publish}
        return await who.post(f"/api/v1/reviews/{article}/approve", json=body)

    await set_rules(desk.api.database, on_approval="now", undo="1h")
    decided = (await asked(desk.anne, by_rule, None)).json()
    assert (decided["publication"]["status"], decided["publication"]["requested_by"]) == ("scheduled", "anne")
    assert (decided["not_published"], decided["is_told"]) == (None, False)  # the watchdog starts it
    for wish in ("now", "no", "2100-01-01T00:00:00Z"):
        assert is_problem(await asked(desk.anne, wished, wish), 403)["action"] == "publish.start"
    refused = is_problem(await asked(desk.paula, wished, "soon"), 422)
    assert refused["problems"] == [
        {"field": "body.publish", "problem": "write now, cadence, no or a time such as 2026-12-01T09:00:00Z"}
    ]
    nothing: dict[str, str] = {}
    for no_wish in ("2026-12-01T09:00", ["now"], nothing):  # which offset? and what is no text
        is_problem(await asked(desk.paula, wished, no_wish), 422)
    late = is_problem(await asked(desk.paula, wished, "2100-01-01T00:00:00Z"), 422)
    assert (late["field"], late["reason"]) == ("publish", "out_of_range")
    unset = is_problem(await asked(desk.paula, wished, "cadence"), 422)
    assert (unset["field"], unset["reason"]) == ("publish", "unset")
    assert await desk.decisions_on(wished) == []
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    decided = (await asked(desk.paula, wished, tomorrow.isoformat())).json()
    assert datetime.fromisoformat(decided["publication"]["due_at"]) == tomorrow
    assert (await asked(desk.paula, held, "no")).json()["publication"] is None
    await set_rules(desk.api.database)


# --- rows


async def test_others_see_who_looks_at_a_review_and_may_take_it_over(desk: Desk) -> None:
    (article,) = desk.take()
    path = f"/api/v1/reviews/{article}"
    assert (await desk.anne.post(f"{path}/claim", json={})).json()["claimed_by"] == "anne"
    told = is_problem(await desk.bert.post(f"{path}/claim", json={}), 409)
    assert (told["hint"], told["details"]["by"]) == ("take_over_review", "anne")
    assert (await desk.bert.post(f"{path}/claim", json={"take_over": True})).json()["claimed_by"] == "bert"
    assert (await desk.anne.post(f"{path}/release")).json()["claimed_by"] == "bert"  # not hers
    claimed = (await desk.anne.get("/api/v1/reviews", params={"claimed": True})).json()["items"]
    assert [(each["article_id"], each["claimed_by"]) for each in claimed] == [(article, "bert")]
    unclaimed = (await desk.anne.get("/api/v1/reviews", params={"claimed": False})).json()["items"]
    assert article not in [each["article_id"] for each in unclaimed]
    assert (await desk.bert.post(f"{path}/release")).json()["claimed_by"] is None

    assert (await desk.anne.post(f"{path}/assign", json={"person": "bert"})).json()["assignee"] == "bert"
    is_problem(await desk.anne.post(f"{path}/assign", json={"person": "nobody"}), 404)
    given = (await desk.bert.get("/api/v1/reviews", params={"assignee": "bert"})).json()["items"]
    assert [each["article_id"] for each in given] == [article]


async def test_comments_and_what_was_seen_are_kept_with_the_review(desk: Desk) -> None:
    (article,) = desk.take()
    path = f"/api/v1/reviews/{article}"
    details = (await desk.anne.get(path)).json()
    sections = ["", *(each["id"] for each in details["text"]["content"]["sections"])]
    assert details["unseen"] == sections
    comment = await desk.anne.post(f"{path}/comments", json={"text": "Who says so?", "section": sections[1]})
    assert (comment.status_code, comment.json()["block"]) == (201, sections[1])
    is_problem(await desk.anne.post(f"{path}/comments", json={"text": "?", "section": "none"}), 404)
    elsewhere = {"text": "?", "section": sections[1], "span": "words that nobody wrote"}
    assert is_problem(await desk.anne.post(f"{path}/comments", json=elsewhere), 422)["reason"] == "not_found"
    settled = await desk.bert.post(f"{path}/comments/{comment.json()['id']}/resolve")
    assert settled.json()["resolved_by"] == "bert"
    assert (await desk.anne.post(f"{path}/seen", json={"sections": sections[:2]})).json() == {"unseen": sections[2:]}
    assert (await desk.anne.post(f"{path}/seen", json={})).json() == {"unseen": []}
    await edit(desk.bert, article, details["text"]["content_hash"], sections={sections[1]: {"text": "<p>New.</p>"}})
    details = (await desk.anne.get(path)).json()
    assert details["unseen"] == [sections[1]]
    assert [each["text"] for each in details["comments"]] == ["Who says so?"]
    page = await desk.anne.get(f"{path}/page")
    assert "anne" in page.text
    assert page.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


# --- lists


async def test_the_queue_comes_in_pages_the_longest_waiting_first_and_to_those_who_may(desk: Desk) -> None:
    async def pages(**params: Any) -> list[str]:
        found: list[str] = []
        while True:
            page = (await desk.anne.get("/api/v1/reviews", params={"limit": 3, **params})).json()
            found += [each["article_id"] for each in page["items"]]
            if not page["next"]:
                return found
            params["cursor"] = page["next"]

    oldest = await pages()
    assert len(oldest) == len(set(oldest)) > 6
    assert await pages(order="newest") == oldest[::-1]
    assert await pages(site=SITE) == oldest
    decided = await pages(status=["approved", "rejected"])
    assert not set(decided) & set(oldest)
    assert (await desk.gina.get("/api/v1/reviews")).json()["items"] == []
    is_problem(await desk.gina.get("/api/v1/reviews", params={"site": SITE}), 403)
    document = is_problem(await desk.anne.get("/api/v1/reviews", params={"cursor": "e30"}), 422)
    assert document["field"] == "cursor"


async def test_queue_and_review_cost_the_same_statements_however_much_they_hold(desk: Desk) -> None:
    (article,) = desk.take()
    path = f"/api/v1/reviews/{article}"
    counts: dict[str, set[int]] = {}

    async def count(name: str, path: str, **params: Any) -> None:
        with counted(desk.api) as statements:
            assert (await desk.anne.get(path, params=params)).status_code == 200
        counts.setdefault(name, set()).add(len(statements))

    for limit in (1, 200):
        await count("queue", "/api/v1/reviews", limit=limit)
        await count("publications", "/api/v1/publications", limit=limit)
    await count("review", path)
    old = await desk.text_of(article)
    for number in range(4):
        await desk.anne.post(f"{path}/comments", json={"text": f"comment {number}"})
        old = (await edit(desk.bert, article, old, title=f"Title {number}")).json()["revision"]["content_hash"]
    await count("review", path)
    await count("diff", f"/api/v1/articles/{article}/diff", before=1, after=2)
    await count("diff", f"/api/v1/articles/{article}/diff", before=1, after=5)
    assert all(len(each) == 1 for each in counts.values()), counts
    assert {name: max(each) for name, each in counts.items()} == {
        "queue": 4,  # three of them find out who asks
        "publications": 4,
        "review": 13,
        "diff": 6,
    }


# --- texts


async def test_an_edit_names_the_text_that_it_changes(desk: Desk) -> None:
    (article,) = desk.take()
    path = f"/api/v1/articles/{article}/revisions"
    shown = await desk.anne.get(f"{path}/1")
    old = shown.json()["content_hash"]
    assert shown.headers["ETag"] == f'"{old}"'
    assert (await desk.anne.get(f"/api/v1/reviews/{article}")).headers["ETag"] == f'"{old}"'
    is_problem(await desk.anne.post(path, json={"title": "New"}), 428)
    is_problem(await desk.anne.post(path, json={"title": "New"}, headers={"If-Match": "*"}), 422)
    is_problem(await desk.anne.post(path, json={"parent": OLD}, headers={"If-Match": f'"{old}"'}), 422)
    is_problem(await edit(desk.anne, article, OLD, title="New"), 404)
    untouched = await edit(desk.anne, article, old, title=shown.json()["content"]["title"])
    assert not untouched.json()["is_new"]
    first = await desk.anne.post(path, json={"title": "New", "parent": old})
    assert (first.status_code, first.json()["revision"]["number"]) == (200, 2)
    assert first.headers["ETag"] == f'"{first.json()["revision"]["content_hash"]}"'
    again = await desk.anne.post(path, json={"title": "New", "parent": old})
    assert (again.json()["is_new"], again.json()["revision"]["number"]) == (False, 2)
    is_problem(await edit(desk.gina, article, old, title="Newer"), 403)


async def test_an_edit_that_is_nested_too_deep_is_refused_by_name(desk: Desk) -> None:
    (article,) = desk.take()
    old = await desk.text_of(article)
    content = (await desk.anne.get(f"/api/v1/articles/{article}/revisions/1")).json()["content"]
    section = content["sections"][0]["id"]
    for form, deep in (("html", "<b>" * 400 + "x"), ("markdown", "> " * 3000 + "x")):
        refused = await edit(desk.anne, article, old, form=form, sections={section: {"text": deep}})
        is_problem(refused, 422)
        assert f"sections.{section}.text" in refused.text
        assert "at most 30 deep" in refused.text
    assert await desk.text_of(article) == old


async def test_some_of_what_differs_is_taken_over(desk: Desk) -> None:
    (article,) = desk.take()
    old = await desk.text_of(article)
    new = (await edit(desk.bert, article, old, title="New title", h1="New heading")).json()["revision"]["content_hash"]
    shown = (await desk.anne.get(f"/api/v1/articles/{article}/diff")).json()
    hunks = {hunk["place"]: hunk for hunk in shown["hunks"]}
    assert {hunk["base"] for hunk in hunks.values()} == {old}
    assert hunks["title"]["after"] == "New title"
    path = f"/api/v1/articles/{article}/diff/accept"
    body = {"before": 1, "after": 2, "hunks": [hunks["h1"]["id"]], "parent": new}
    is_problem(await desk.anne.post(path, json=body | {"parent": old}), 412)
    is_problem(await desk.anne.post(path, json=body | {"hunks": ["none"]}), 422)
    content = (await desk.anne.post(path, json=body)).json()["revision"]["content"]
    assert (content["h1"], content["title"] == "New title") == ("New heading", False)
    is_problem(await desk.anne.get(f"/api/v1/articles/{article}/diff", params={"before": 1, "after": 9}), 404)


# --- what a note, a comment or a text may hold


class Acting(HTMLParser):
    """Collects what a browser would do something for."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and ("type", "application/ld+json") not in attrs:
            self.parts.append(tag)
        self.parts += [name for name, _ in attrs if name.startswith("on")]
        self.parts += [value or "" for name, value in attrs if name in ("href", "src") and "script:" in (value or "")]


def acting_parts(html: str) -> list[str]:
    parser = Acting()
    parser.feed(html)
    return parser.parts


async def test_hostile_text_is_refused_or_comes_out_inert(desk: Desk, asking: AsyncClient) -> None:
    (article,) = desk.take()
    path = f"/api/v1/reviews/{article}"
    for bytes_ in HOSTILE:
        seen = await desk.text_of(article)
        details = (await desk.anne.get(path)).json()
        section = details["text"]["content"]["sections"][0]["id"]
        answers = [
            await desk.anne.post(f"{path}/comments", json={"text": bytes_}),
            await desk.anne.post(f"{path}/comments", json={"text": "?", "section": bytes_}),
            await desk.anne.post(f"{path}/seen", json={"sections": [bytes_]}),
            await desk.anne.post(f"{path}/assign", json={"person": bytes_}),
            await desk.anne.post(f"{path}/snooze", json={"until": "2100-01-01T00:00:00Z", "note": bytes_}),
            await desk.anne.post(
                f"{path}/request-changes",
                json={"content_hash": seen, "reason": "tone", "section": bytes_, "span": bytes_},
            ),
            await desk.paula.post(f"{path}/findings/0/waive", json={"content_hash": seen, "reason": bytes_}),
            await desk.paula.post(f"/api/v1/articles/{article}/publish/force", json={"reason": bytes_}),
            await edit(desk.anne, article, seen, tags=[bytes_]),
            await edit(desk.anne, article, await desk.text_of(article), title=bytes_, h1=bytes_, description=bytes_),
            await edit(desk.anne, article, await desk.text_of(article), sections={bytes_: {"text": "x"}}),
            *[
                await edit(
                    desk.anne, article, await desk.text_of(article), form=form, sections={section: {"text": written}}
                )
                for form in ("html", "markdown")
                for written in (f"<p>{bytes_}</p>", f'<a href="{bytes_}">x</a>', f"[x]({bytes_})")
            ],
            await desk.anne.get("/api/v1/reviews", params={"assignee": bytes_[:500]}),
        ]
        for answer in answers:
            assert answer.status_code < 500, answer.text
            assert answer.headers["content-type"] in ("application/json", "application/problem+json")
            json.loads(answer.content)
            assert b"\x00" not in answer.content
            assert "X-Injected" not in answer.headers
        page = (await desk.anne.get(f"{path}/page")).text
        shown = (await desk.anne.get(f"/api/v1/articles/{article}/diff", params={"before": 1})).json()
        for html in (page, *(hunk["marked"] for hunk in shown["hunks"])):
            assert acting_parts(html) == []
        assert "\u202e" not in page
    exported = (await asking.get("/api/v1/audit/export")).text
    cells = [cell.strip('"') for line in exported.splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell.startswith(("=", "@"))]
