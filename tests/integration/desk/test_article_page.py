"""The page of an article: read, claimed, decided, undone; what was typed is never lost, and no text of it may act."""

import re
from collections import deque
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import text as sql

from src.domain.article import ArticleStatus
from src.domain.finding import Severity
from src.domain.ids import ArticleId
from src.domain.person import Grant, Role
from src.domain.review import DecisionKind
from tests.finished_articles import SITE
from tests.publications import set_rules

from .articles import HOSTILE, a_finding, articles, changed, hostile, newest, rewritten
from .conftest import Browser, TheDesk, words


@pytest.fixture(scope="module")
async def untouched(desk: TheDesk) -> deque[ArticleId]:
    known = deque(await articles(desk.database, 24))
    for name, role in (("rita", Role.REVIEWER), ("paul", Role.PUBLISHER), ("vera", Role.VIEWER)):
        await desk.person(name, [Grant(role=role, site=SITE)])
    return known


@pytest.fixture(scope="module")
async def rita(desk: TheDesk, untouched: deque[ArticleId]) -> Browser:
    return await desk.logged_in("rita")


@pytest.fixture(scope="module")
async def paul(desk: TheDesk, untouched: deque[ArticleId]) -> Browser:
    return await desk.logged_in("paul")


def path(article: ArticleId, *more: str) -> str:
    return "/".join([f"/desk/articles/{article}", *more])


async def decide(desk: TheDesk, who: Browser, article: ArticleId, asked: str, **fields: Any) -> Response:
    seen = fields.pop("content_hash", None) or (await newest(desk.database, article)).content_hash
    await who.get(path(article))
    return await who.send(path(article, "decide"), d=asked, content_hash=seen, **fields)


async def status_of(desk: TheDesk, article: ArticleId) -> ArticleStatus:
    async with desk.database.unit_of_work() as uow:
        return await uow.articles.get_status(article)


async def test_the_page_shows_what_a_decision_rests_on(
    desk: TheDesk, untouched: deque[ArticleId], rita: Browser
) -> None:
    article = untouched.popleft()
    first = await newest(desk.database, article)
    block = first.content.sections[0].id
    found = a_finding(block=block, span="three turns", value=3, limit=2)
    text = await rewritten(
        desk.database, article, sections=changed(first, "<p>Up to three turns.</p>"), findings=[found], title="W" * 50
    )
    page = await rita.get(path(article))
    said = words(page)
    assert page.status_code == 200
    assert "1 Warning" in said
    assert "text.banned, version 1: 3 of 2" in said
    assert f'href="{path(article, "preview")}?r=2#f1" target="preview"' in page.text
    assert "944 of 580 px" in said
    assert "Approve, waits for publication" in said
    assert f'value="{text.content_hash}"' in page.text
    assert "claimed by you" in said
    assert "returns" in said  # a fact of the site
    parts = 'Skip to|<header|<h1|aria-label="Form"|<iframe|desk-decide|desk-findings|desk-serp|Stages and|desk-comments'
    order = [page.text.index(part) for part in parts.split("|")]
    assert order == sorted(order)
    assert len(page.content) < 30_000


async def test_an_approval_says_what_happened_and_opens_the_next(
    desk: TheDesk, untouched: deque[ArticleId], rita: Browser
) -> None:
    article, following = untouched.popleft(), untouched[0]
    answer = await decide(desk, rita, article, "approve", key="k1", **{"in": ""})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(path(following))
    assert await status_of(desk, article) is ArticleStatus.APPROVED
    shown = await rita.get(answer.headers["location"])
    assert "Approved" in words(shown)
    assert f'action="{path(article, "undo")}?n=1"' in shown.text


async def test_undoing_brings_it_back_to_its_place(desk: TheDesk, untouched: deque[ArticleId], rita: Browser) -> None:
    article = untouched.popleft()
    await set_rules(desk.database, on_approval="now", undo="2h")
    answer = await decide(desk, rita, article, "approve")
    assert "goes live at" in words(await rita.get(answer.headers["location"]))
    assert (await rita.send(f"{path(article, 'undo')}?n=1")).status_code == 303
    assert await status_of(desk, article) is ArticleStatus.NEEDS_REVIEW
    async with desk.database.unit_of_work() as uow:
        kinds = [each.kind for each in await uow.decisions.list_for_article(article)]
        publications = await uow.publications.list_for_article(article)
    assert kinds == [DecisionKind.APPROVE, DecisionKind.WITHDRAW, DecisionKind.RESTORE]
    assert [each.status for each in publications] == ["undone"]
    again = await rita.send(f"{path(article, 'undo')}?n=1")
    assert again.status_code == 409
    assert "something else was decided since" in words(again)


async def test_what_is_out_or_of_another_is_not_undone(
    desk: TheDesk, untouched: deque[ArticleId], rita: Browser, paul: Browser
) -> None:
    article = untouched.popleft()
    await set_rules(desk.database, on_approval="now", undo="2h")
    await decide(desk, rita, article, "approve")
    assert 'data-key="u"' in (await rita.get(path(article))).text
    await paul.get("/desk/keys")
    assert "rita made it" in words(await paul.send(path(article, "undo")))
    async with desk.database.unit_of_work() as uow:
        known = await uow.publications.list_for_article(article)
        await uow._session.execute(  # as its workflow would
            sql("UPDATE publications SET status = 'publishing' WHERE id = :id"), {"id": known[0].id}
        )
    assert 'data-key="u"' not in (await rita.get(path(article))).text  # it would be refused
    await rita.get("/desk/keys")
    late = await rita.send(path(article, "undo"))
    assert late.status_code == 409
    assert "on its way" in words(late)
    assert await status_of(desk, article) is ArticleStatus.APPROVED
    await set_rules(desk.database, on_approval="wait")


@pytest.mark.parametrize(
    ("asked", "fields", "status"),
    [
        ("changes", {"why": "tone", "note": "calmer"}, ArticleStatus.CHANGES_REQUESTED),
        ("park", {}, ArticleStatus.PARKED),
        ("snooze", {"until": "2099-01-01T09:00"}, ArticleStatus.NEEDS_REVIEW),
    ],
)
async def test_other_decisions_are_undone_too(
    desk: TheDesk,
    untouched: deque[ArticleId],
    rita: Browser,
    asked: str,
    fields: dict[str, str],
    status: ArticleStatus,
) -> None:
    article = untouched.popleft()
    assert (await decide(desk, rita, article, asked, **fields)).status_code == 303
    assert await status_of(desk, article) is status
    assert (await rita.send(path(article, "undo"))).status_code == 303
    assert await status_of(desk, article) is ArticleStatus.NEEDS_REVIEW
    async with desk.database.unit_of_work() as uow:
        assert (await uow.reviews.get(article)).snoozed_until is None
    assert (await rita.send(path(article, "undo"))).status_code == 409


async def test_a_rejection_is_final(desk: TheDesk, untouched: deque[ArticleId], rita: Browser) -> None:
    article = untouched.popleft()
    answer = await decide(desk, rita, article, "reject", rej="duplicate", keyword="never")
    assert answer.status_code == 303
    assert f"{path(article, 'undo')}" not in (await rita.get(answer.headers["location"])).text
    assert "a rejection is final" in words(await rita.send(path(article, "undo")))


async def test_a_replaced_text_keeps_what_was_typed(desk: TheDesk, untouched: deque[ArticleId], rita: Browser) -> None:
    article = untouched.popleft()
    old = await newest(desk.database, article)
    await rewritten(desk.database, article, h1="Another")
    note = "calmer </textarea><script>alert(1)</script>"
    answer = await decide(desk, rita, article, "changes", why="tone", note=note, content_hash=old.content_hash)
    assert answer.status_code == 412
    said = words(answer)
    assert "jonas" in said
    assert "calmer </textarea><script>" in said
    assert "<script>alert" not in answer.text
    assert f"{path(article, 'diff')}?vs=1" in answer.text
    assert re.search(r'value="tone"[^>]* checked', answer.text)
    assert await status_of(desk, article) is ArticleStatus.NEEDS_REVIEW


async def test_who_decided_before_is_said(
    desk: TheDesk, untouched: deque[ArticleId], rita: Browser, paul: Browser
) -> None:
    article = untouched.popleft()
    await decide(desk, paul, article, "park")
    answer = await decide(desk, rita, article, "changes", why="other", note="see the second part")
    assert answer.status_code == 409
    assert "paul decided that" in words(answer)


async def test_errors_are_waived_by_publishers_in_the_same_step(
    desk: TheDesk, untouched: deque[ArticleId], rita: Browser, paul: Browser
) -> None:
    article = untouched.popleft()
    await rewritten(desk.database, article, h1="Another", findings=[a_finding(severity=Severity.BLOCKING)])
    assert "No approval before it is mended" in words(await rita.get(path(article)))
    assert (await decide(desk, rita, article, "approve")).status_code == 409
    refused = await decide(desk, paul, article, "approve", **{"waive-0": ""})
    assert refused.status_code == 409
    assert "Waive and approve" in words(refused)
    done = await decide(desk, paul, article, "approve", **{"waive-0": "it is a quote"})
    assert done.status_code == 303
    assert await status_of(desk, article) is ArticleStatus.APPROVED


async def test_a_script_gets_documents(desk: TheDesk, untouched: deque[ArticleId], rita: Browser) -> None:
    article = untouched.popleft()
    await rita.get(path(article))
    seen = (await newest(desk.database, article)).content_hash
    headers = {"Accept": "application/json", "X-CSRF-Token": rita.token}
    fields = {"d": "changes", "content_hash": seen}
    refused = await rita.client.post(path(article, "decide"), data=fields, headers=headers)
    assert (refused.status_code, refused.json()["status"]) == (422, 422)
    made = await rita.client.post(path(article, "decide"), data=fields | {"why": "tone"}, headers=headers)
    assert made.json()["notice"]["head"] == "Sent back"
    assert made.json()["notice"]["undo"] == f"{path(article, 'undo')}?n=1"


async def test_claims_are_seen_taken_over_and_given_back(
    desk: TheDesk, untouched: deque[ArticleId], rita: Browser, paul: Browser
) -> None:
    article = untouched.popleft()
    assert "claimed by you" in words(await rita.get(path(article)))
    assert "rita looks at it" in words(await paul.get(path(article)))
    await paul.send(path(article, "claim"))
    assert "paul looks at it" in words(await rita.get(path(article)))
    await paul.send(path(article, "release"))
    ahead = await rita.client.get(path(article), headers={"X-Longtail-Prefetch": "1"})
    assert "looks at it" not in words(ahead)
    async with desk.database.unit_of_work() as uow:
        assert (await uow.reviews.get(article)).claimed_by is None


async def test_an_approval_that_fell_is_said_with_its_cause(
    desk: TheDesk, untouched: deque[ArticleId], rita: Browser
) -> None:
    article = untouched.popleft()
    await decide(desk, rita, article, "approve")
    async with desk.database.unit_of_work() as uow:
        await uow.articles.decide(article, ArticleStatus.NEEDS_REVIEW)
    await rewritten(desk.database, article, h1="Another")
    said = words(await rita.get(path(article)))
    assert "You approved r1, 1 version ago; revision 2, by jonas, replaced it." in said


async def test_comments_quote_words_that_stand_there(desk: TheDesk, untouched: deque[ArticleId], rita: Browser) -> None:
    article = untouched.popleft()
    text = await newest(desk.database, article)
    section = text.content.sections[0].id
    await rita.get(path(article, "text"))
    quoted = "Put a towel into the basin"
    left = await rita.send(path(article, "comments"), text="Which one?", section=section, span=quoted)
    assert left.status_code == 303
    page = await rita.get(path(article))
    assert quoted in words(page)
    wrong = await rita.send(path(article, "comments"), text="?", section=section, span="nobody wrote this")
    assert wrong.status_code == 422
    async with desk.database.unit_of_work() as uow:
        (comment,) = await uow.comments.list_for_article(article)
    assert (comment.span, comment.block) == (quoted, section)
    await rita.send(path(article, "comments", str(comment.id), "resolve"))
    assert "settled by rita" in words(await rita.get(path(article)))


async def test_what_was_read_is_read_until_it_changes(
    desk: TheDesk, untouched: deque[ArticleId], rita: Browser
) -> None:
    article = untouched.popleft()
    assert "New to you" in words(await rita.get(path(article)))
    await rita.send(path(article, "seen"))
    assert "New to you" not in words(await rita.get(path(article)))
    first = await newest(desk.database, article)
    await rewritten(desk.database, article, sections=changed(first, "<p>New words.</p>"))
    assert "New since you looked 1 of 6 parts" in words(await rita.get(path(article)))


async def test_viewers_read_and_change_nothing(desk: TheDesk, untouched: deque[ArticleId]) -> None:
    article = untouched.popleft()
    vera = await desk.logged_in("vera")
    page = await vera.get(path(article))
    assert 'value="approve"' not in page.text
    seen = (await newest(desk.database, article)).content_hash
    for asked in ("approve", "changes", "reject", "park"):
        fields = {"why": "tone", "rej": "quality"}
        assert (await vera.send(path(article, "decide"), d=asked, content_hash=seen, **fields)).status_code == 403
    for address in ("claim", "comments", "findings/0/waive", "undo"):
        assert (await vera.send(path(article, address), text="x", reason="x", content_hash=seen)).status_code in (
            403,
            409,
        )
    assert await status_of(desk, article) is ArticleStatus.NEEDS_REVIEW


async def test_publishers_publish_and_withdraw(desk: TheDesk, untouched: deque[ArticleId], paul: Browser) -> None:
    article = untouched.popleft()
    await decide(desk, paul, article, "approve")
    assert "Publish now" in words(await paul.get(path(article)))
    withdrawn = await decide(desk, paul, article, "withdraw", wd="mistake")
    assert withdrawn.headers["location"] == path(article)
    assert "Restore to the queue" in words(await paul.get(path(article)))
    await decide(desk, paul, article, "restore")
    assert await status_of(desk, article) is ArticleStatus.NEEDS_REVIEW


@pytest.fixture(scope="module")
async def hostile_article(desk: TheDesk, untouched: deque[ArticleId]) -> ArticleId:
    article = untouched.popleft()
    await hostile(desk.database, article)
    async with desk.database.unit_of_work() as uow:
        statement = sql("UPDATE articles SET keyword = :keyword WHERE id = :id")
        await uow._session.execute(statement, {"keyword": HOSTILE, "id": article})
    return article


@pytest.mark.parametrize("form", ["", "text", "source", "markdown", "outline", "diff"])
async def test_a_hostile_text_is_text_on_every_page(hostile_article: ArticleId, rita: Browser, form: str) -> None:
    page = await rita.get(path(hostile_article, *filter(None, [form])))
    assert page.status_code == 200
    tags = re.findall(r"<[a-zA-Z/](?:[^<>\"]|\"[^\"]*\")*>", page.text)
    bare = [re.sub(r'="[^"]*"', "", tag) for tag in tags]
    names = {re.match(r"</?([a-zA-Z0-9]+)", tag)[1] for tag in tags}  # type: ignore[index]
    assert not names & {"base", "object", "embed", "math"}
    assert not [tag for tag in bare if re.search(r"\son\w+|\sstyle", tag)]
    assert not [tag for tag in tags if re.search(r'(?i)(href|src|action)="(?!/desk/|#|https://)', tag)]
    sources = [found[1] for tag in tags if (found := re.search(r'\ssrc="([^"]*)"', tag))]
    assert all(source.startswith("/desk/") for source in sources)
    ids = [found[1] for tag in tags if (found := re.search(r'\sid="([^"]*)"', tag))]
    assert len(ids) == len(set(ids))
    assert "unsafe-inline" not in page.headers["content-security-policy"]
