"""Decisions on many texts, by a snapshot of what was shown.

What changed meanwhile is left out and listed. Whoever decides types how many there are.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from src.application import queue
from src.application.decisions import BulkResult, LeftOut, Snapshot
from src.application.queue import QueuePage
from src.bootstrap import Application
from src.domain.errors import InputInvalid, LongtailError, NotPermitted
from src.domain.ids import ArticleId
from src.domain.paging import MAX_PAGE
from src.domain.review import ChangeReason, KeywordAfter, RejectReason, Verdict

from ..queue_filter import address_of, inside, query_of, read_filter, read_inside
from ..queue_rows import shown_row
from ..shell import render
from ..signed_in import Desk

router = APIRouter()

_COUNTED = frozenset({"approve", "changes", "reject"})  # what is hard to undo
_CHANGES = {
    ChangeReason.STRUCTURE: "Structure: sections or their order",
    ChangeReason.MISSING: "Something is missing",
    ChangeReason.ANGLE: "Wrong angle",
    ChangeReason.FACTS: "Facts: wrong or unsupported",
    ChangeReason.TONE: "Tone",
    ChangeReason.WORDING: "Wording",
    ChangeReason.LENGTH: "Length",
    ChangeReason.LINKS: "Links",
    ChangeReason.METADATA: "Title, description or tags",
    ChangeReason.OTHER: "Other, see the note",
}
_REJECTIONS = {
    RejectReason.OFF_TOPIC: "Off topic",
    RejectReason.DUPLICATE: "Duplicate of another",
    RejectReason.QUALITY: "Quality",
    RejectReason.LEGAL: "Legal",
    RejectReason.KEYWORD: "The keyword is no topic of the site",
    RejectReason.OTHER: "Other, see the note",
}
_DONE = {
    "approve": "approved",
    "changes": "sent back for changes",
    "reject": "rejected",
    "assign": "assigned",
    "snooze": "put off",
}


@router.get("/queue/bulk")
async def show_all(desk: Desk, request: Request) -> Response:
    """Show all of a filter, to be decided on; at most 200."""
    where = read_filter(request.query_params)
    found = await queue.list_queue(desk.database, where, by=desk.principal, limit=MAX_PAGE)
    picks = [_pick(each.article_id, each.content_hash) for each in found.page.items if each.content_hash]
    return await _page(desk, request, found, picks, matching=found.counts[where.tab], query=query_of(where))


@router.post("/queue/bulk")
async def show_picked(desk: Desk, request: Request) -> Response:
    """Show what was selected in the list, to be decided on."""
    return await _again(desk, request, await request.form())


@router.post("/queue/run")
async def decide_on_all(desk: Desk, request: Request) -> Response:
    """Carry the decision out; say what was left out.

    With the same key it is carried out once."""
    form = await request.form()
    picks, what = _picks(form), _text(form, "do")
    count = _text(form, "count").replace(",", "").strip()
    if what in _COUNTED and count != str(len(picks)):
        problem = f"{len(picks)} are selected; type {len(picks)} to go on" if picks else "nothing is selected"
        return await _again(desk, request, form, problem)
    try:
        result = await _run(desk, what, picks, form)
    except InputInvalid as error:
        return await _again(desk, request, form, error.message)
    found = await queue.list_picked(desk.database, [each.article_id for each in result.left_out], by=desk.principal)
    known = {each.article_id: shown_row(found, each, by=desk.principal) for each in found.page.items}
    where = read_inside(_text(form, "in"))
    return await render(
        request,
        "bulk_result.html",
        done=_DONE[what],
        count=len(picks) - len(result.left_out),
        told=sum(not each.is_told for each in result.decided),
        publications=[each.publication for each in result.decided if each.publication],
        not_published=Counter(each.not_published.message for each in result.decided if each.not_published),
        left_out=[(known.get(each.article_id), each) for each in result.left_out],
        inside=inside(where),
        back=address_of(where),
    )


# --- carrying out


async def _run(desk: Application, what: str, picks: Sequence[Snapshot], form: FormData) -> BulkResult:
    """Carry out what the form asks for. Raises InputInvalid."""
    if what == "assign":
        return await _assign(desk, picks, _text(form, "person") or None)
    return await desk.decisions.decide_all(picks, _verdict(what, form), key=_text(form, "key")[:100] or None)


def _verdict(what: str, form: FormData) -> Verdict:
    """Return the decision that the form asks for. Raises InputInvalid."""
    if what not in _VERDICTS:
        raise InputInvalid("do", what[:40], "choose what is to be done")
    try:
        return _VERDICTS[what](form, _text(form, "note"))
    except ValueError as error:  # of an enumeration, of a time
        raise InputInvalid("reason", what, "choose one of the reasons") from error


_VERDICTS: dict[str, Callable[[FormData, str], Verdict]] = {
    "approve": lambda _, note: Verdict.approve(note=note),
    "changes": lambda form, note: Verdict.request_changes(ChangeReason(_text(form, "change")), note=note),
    "reject": lambda form, note: Verdict.reject(
        RejectReason(_text(form, "rejection")), KeywordAfter(_text(form, "keyword")), note=note
    ),
    "snooze": lambda form, note: Verdict.snooze(
        datetime.fromisoformat(_text(form, "until")).astimezone(UTC), note=note
    ),
}


async def _assign(desk: Application, picks: Sequence[Snapshot], person: str | None) -> BulkResult:
    """Give each text to the person, but those that cannot be.

    Raises NotPermitted when that is what is in the way of every one.
    """
    left_out: list[LeftOut] = []
    refused: list[LongtailError] = []
    for pick in picks:
        try:
            await desk.reviews.assign(pick.article_id, person)
        except InputInvalid:
            raise
        except LongtailError as error:
            refused.append(error)
            left_out.append(LeftOut(**pick.model_dump(), error_type=type(error).__name__, message=error.message))
    if len(refused) == len(picks) and refused and all(isinstance(error, NotPermitted) for error in refused):
        raise refused[0]
    return BulkResult(decided=[], left_out=left_out)


# --- showing


async def _again(desk: Application, request: Request, form: FormData, problem: str = "") -> Response:
    picks = _picks(form)
    found = await queue.list_picked(desk.database, [each.article_id for each in picks], by=desk.principal)
    return await _page(
        desk,
        request,
        found,
        [_pick(each.article_id, each.content_hash) for each in picks],
        matching=len(picks),
        query=query_of(read_inside(_text(form, "in"))),
        problem=problem,
        given={name: _text(form, name) for name in ("do", "note", "change", "rejection", "keyword", "person", "until")},
        key=_text(form, "key"),
    )


async def _page(  # noqa: PLR0913 - what the page shows
    desk: Application,
    request: Request,
    found: QueuePage,
    picks: list[str],
    *,
    matching: int,
    query: str,
    problem: str = "",
    given: dict[str, str] | None = None,
    key: str = "",
) -> Response:
    rows = {each.article_id: shown_row(found, each, by=desk.principal) for each in found.page.items}
    listed = [(pick, rows[id_]) for pick in picks if (id_ := _id(pick)) in rows]
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return await render(
        request,
        "bulk.html",
        status=422 if problem else 200,
        listed=listed,
        matching=matching,
        effects=Counter(row.effect_words for _, row in listed),
        problem=problem,
        given=given or {},
        key=key or secrets.token_urlsafe(16),
        query=query,
        inside=inside(read_inside(query)),
        back=address_of(read_inside(query)),
        changes=_CHANGES.items(),
        rejections=_REJECTIONS.items(),
        people=[("", "Nobody"), *((name, found.people[name]) for name in found.reviewers)],
        untils=[
            ((now + timedelta(days=days)).isoformat(), words)
            for days, words in ((1, "for a day"), (3, "for three days"), (7, "for a week"), (28, "for four weeks"))
        ],
        now=now,
    )


def _pick(article_id: ArticleId, content_hash: str | None) -> str:
    return f"{article_id}:{content_hash}"


def _id(pick: str) -> ArticleId:
    return ArticleId(UUID(pick.partition(":")[0]))


def _picks(form: FormData) -> list[Snapshot]:
    """Return the snapshot that the form holds. Raises InputInvalid."""
    given = list(dict.fromkeys(str(each) for each in form.getlist("pick")))
    if len(given) > MAX_PAGE:
        raise InputInvalid("pick", len(given), f"decide on at most {MAX_PAGE} at once")
    try:
        parts = [each.partition(":") for each in given]
        return [Snapshot(article_id=ArticleId(UUID(id_)), content_hash=hash_) for id_, _, hash_ in parts]
    except ValueError as error:
        raise InputInvalid("pick", given[0][:80], "go back to the list and select anew") from error


def _text(form: FormData, name: str) -> str:
    value: Any = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""
