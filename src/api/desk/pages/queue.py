"""The queue: what waits, for whom, what its approval would do."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from src.application import queue
from src.application.queue import QueuePage
from src.bootstrap import Application
from src.domain.errors import InputInvalid
from src.domain.permissions import Action
from src.domain.queue import ME, NOBODY, Found, QueueFilter, QueuePosition, QueueSort, Tab

from ..list_query import following, read_place
from ..queue_filter import Chip, address_of, chips, inside, query_of, read_filter, read_inside
from ..queue_rows import shown_row
from ..shell import render, set_cookie
from ..signed_in import Desk
from ..site_names import batch_choices, batch_words

router = APIRouter()

ROWS = 25
LAST = "longtail_queue"  # the cookie with the filter that was used last
_SECONDS = 30 * 86_400
_NEAR_MISSES = 3  # conditions of which is said what is found without them
TABS = {
    Tab.NEEDS_REVIEW: "Needs review",
    Tab.CHANGES: "Changes asked",
    Tab.HOLD: "In hold, can be undone",
    Tab.APPROVED: "Approved",
    Tab.LIVE: "Live",
    Tab.REJECTED: "Rejected",
    Tab.PARKED: "Parked",
}
VIEWS = {
    "Morning round": QueueFilter(waits_from=timedelta(hours=4)),
    "No findings": QueueFilter(findings=Found.NONE),
    "Mine": QueueFilter(who=ME),
}
_ORDERS = {
    QueueSort.OLDEST: "oldest first",
    QueueSort.NEWEST: "newest first",
    QueueSort.WORST: "lowest score first",
    QueueSort.BEST: "highest score first",
    QueueSort.KEYWORD: "by keyword",
    QueueSort.KEYWORD_BACKWARDS: "by keyword, backwards",
}
_NOTHING = {
    Tab.NEEDS_REVIEW: "Everything that was written is decided on. What batches write next shows up here.",
    Tab.CHANGES: "Nobody waits for changes that were asked for.",
    Tab.HOLD: "No publication can be undone at the moment.",
    Tab.APPROVED: "What is approved and neither scheduled nor live would be here.",
    Tab.LIVE: "Nothing went live yet.",
    Tab.REJECTED: "Nobody rejected an article.",
    Tab.PARKED: "Nothing was put aside, and no review took too long.",
}
_AGES = {
    "": "Any age",
    "1h-": "Over 1 h",
    "4h-": "Over 4 h",
    "1d-": "Over a day",
    "3d-": "Over 3 d",
    "-1d": "Under a day",
}
_FOUND = {"": "Any findings", Found.NONE: "None", Found.SOME: "Some", Found.BLOCKING: "Errors"}


@router.get("/queue")
async def show_queue(desk: Desk, request: Request) -> Response:
    """List a tab; the bare address opens the last filter."""
    if not request.query_params and (last := _last(request)):
        return RedirectResponse(address_of(last), status_code=303)
    where = read_filter(request.query_params)
    after = read_place(QueuePosition, request.query_params.get("after"))
    found = await queue.list_queue(desk.database, where, by=desk.principal, after=after, limit=ROWS)
    shown = chips(where, found.sites, _name_of(where, found))
    response = await render(
        request,
        "queue.html",
        waiting=found.waiting,
        where=where,
        found=found,
        rows=[shown_row(found, row, by=desk.principal) for row in found.page.items],
        matching=found.counts[where.tab],
        tabs=[(tab, words, found.counts[tab], address_of(where, tab=tab)) for tab, words in TABS.items()],
        tab_words=TABS,
        chips=shown,
        chip_pairs=[(chip.words, chip.address) for chip in shown],
        order_words=_ORDERS[where.sort],
        nothing_words=_NOTHING[where.tab],
        near_words="Drop a condition, or all of them.",
        now=datetime.now(UTC),
        near=[] if found.page.items else await _near_misses(desk, where, shown),
        views=[(name, address_of(view)) for name, view in VIEWS.items()],
        sorts=_sorts(where),
        options=_options(found, request.query_params.get("age", "")),
        query=query_of(where),
        inside=inside(where),
        plain=address_of(QueueFilter(tab=where.tab)),
        following=following(address_of(where), found.page),
        first=address_of(where) if after else None,
        is_default=where.is_default,
        may_decide=any(desk.principal.may(Action.REVIEW_CLAIM, slug) for slug in (None, *found.sites)),
    )
    set_cookie(request, response, LAST, query_of(where), seconds=_SECONDS)  # empty: of the plain queue
    return response


@router.get("/queue/claims")
async def show_claims(desk: Desk) -> list[dict[str, Any]]:
    """Return who looks at what, for the list's script."""
    claims = await queue.list_claims(desk.database, by=desk.principal)
    return [{"article": str(each.article_id), "by": each.by, "last_step": each.last_step} for each in claims]


def _last(request: Request) -> QueueFilter | None:
    """Return the filter that this browser used last."""
    kept = request.cookies.get(LAST, "")
    try:
        return read_inside(kept) if kept else None
    except InputInvalid:
        return None


async def _near_misses(desk: Application, where: QueueFilter, shown: list[Chip]) -> list[tuple[Chip, int]]:
    """Return what there is without one of the conditions."""
    found = []
    for chip in shown[:_NEAR_MISSES]:
        fewer = read_inside(chip.address.partition("?")[2])
        found.append((chip, (await queue.count_queue(desk.database, fewer, by=desk.principal))[where.tab]))
    return found


def _sorts(where: QueueFilter) -> dict[str, tuple[str, str, str]]:
    """Return of each column its link, its ``aria-sort`` and its arrow."""
    pairs = {
        "age": (QueueSort.OLDEST, QueueSort.NEWEST, "descending"),
        "score": (QueueSort.WORST, QueueSort.BEST, "ascending"),
        "keyword": (QueueSort.KEYWORD, QueueSort.KEYWORD_BACKWARDS, "ascending"),
    }
    other = {"descending": "ascending", "ascending": "descending"}
    arrows = {"descending": " ↓", "ascending": " ↑", "": ""}
    found = {}
    for column, (first, second, direction) in pairs.items():
        now = {first: direction, second: other[direction]}.get(where.sort, "")
        found[column] = (address_of(where, sort=second if where.sort is first else first), now, arrows[now])
    return found


def _options(found: QueuePage, age: str) -> dict[str, list[tuple[str, str]]]:
    sites = sorted(found.sites.values(), key=lambda site: site.name.casefold())
    people = [(name, found.people[name]) for name in found.reviewers]
    return {
        "site": [("", "All sites"), *((site.slug, site.name) for site in sites)],
        "age": list((_AGES if age in _AGES else _AGES | {age: f"Age {age}"}).items()),
        "findings": [(str(value), words) for value, words in _FOUND.items()],
        "who": [("", "Anyone"), (ME, "Me"), (NOBODY, "Nobody"), *people],
        "batch": [("", "Any batch"), *batch_choices(found.batches, found.sites)],
        "lang": [("", "Any"), *((tag, tag) for tag in sorted({site.language for site in sites}))],
        "colour": [("", "Any"), ("blue", "blue"), ("green", "green")],
        "claimed": [("", "Read by anybody or nobody"), ("yes", "Somebody reads it"), ("no", "Nobody reads it")],
    }


def _name_of(where: QueueFilter, found: QueuePage) -> str | None:
    return next((batch_words(each, found.sites) for each in found.batches if each.id == where.batch), None)
