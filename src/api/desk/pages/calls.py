"""Model calls: what was asked, what it cost, what came back."""

from fastapi import APIRouter, Request, Response

from src.application.batches import list_batches
from src.application.calls import instructions_of, list_calls, read_call
from src.domain.call_filter import CallFilter
from src.domain.ids import CallId
from src.domain.stages import Stage
from src.domain.usage import CallStatus

from ..list_query import address, excerpt_of, following, read_query
from ..shell import render
from ..signed_in import Desk
from ..site_names import batch_choices, readable_sites

router = APIRouter()

LIST = "/desk/calls"
_ROWS = 50
STATUS: dict[CallStatus, tuple[str, str]] = {
    CallStatus.OPEN: ("run", "Open"),
    CallStatus.ANSWERED: ("ok", "Answered"),
    CallStatus.DISCARDED: ("warn", "Not used"),
    CallStatus.FAILED: ("bad", "Failed"),
    CallStatus.LOST: ("warn", "Lost, perhaps paid"),
}
STAGES = {
    Stage.KEYWORD_ANALYSIS: "A, keyword analysis",
    Stage.OUTLINE: "B, outline",
    Stage.ARTICLE: "C, article",
    Stage.SEO_METADATA: "D, metadata",
}


@router.get("/calls")
async def show_calls(desk: Desk, request: Request) -> Response:
    """List model calls, the newest first, with the sum of the filter."""
    where = read_query(CallFilter, request.query_params)
    excerpt = excerpt_of(request.query_params.get("after"), _ROWS)
    found = await list_calls(desk.database, where, by=desk.principal, excerpt=excerpt)
    sites = await readable_sites(desk)
    batches = batch_choices(await list_batches(desk.database, by=desk.principal, limit=20), sites)
    named = {
        "site": f"site: {sites[where.site].name if where.site in sites else where.site}",
        "stage": f"stage: {STAGES[where.stage]}" if where.stage else "",
        "model": f"model: {where.model}",
        "status": f"outcome: {STATUS[where.status][1].lower()}" if where.status else "",
        "batch": f"batch: {dict(batches).get(str(where.batch), str(where.batch)[:8])}",
    }
    here = address(LIST, where)
    return await render(
        request,
        "calls.html",
        where=where,
        calls=found.page.items,
        spend=found.spend,
        sites=sites,
        stage_words=STAGES,
        status_words=STATUS,
        choices={
            "site": [("", "All sites"), *((slug, site.name) for slug, site in sites.items())],
            "stage": [("", "Any stage"), *((stage.value, words) for stage, words in STAGES.items())],
            "model": [("", "Any model"), *((model, model) for model in found.models)],
            "status": [("", "Any outcome"), *((status.value, words) for status, (_, words) in STATUS.items())],
            "batch": [("", "Any batch"), *batches],
        },
        chips=[(words, address(LIST, where, **{name: None})) for name, words in named.items() if getattr(where, name)],
        following=following(here, found.page),
        first=here if excerpt.after else None,
    )


@router.get("/calls/{call_id}")
async def show_call(desk: Desk, request: Request, call_id: CallId) -> Response:
    """Show one call, its answer as text."""
    call = await read_call(desk.database, call_id, by=desk.principal)
    sites = await readable_sites(desk)
    return await render(
        request,
        "call.html",
        call=call,
        site=sites.get(call.site),
        instructions=instructions_of(call.prompt),
        stage_words=STAGES,
        outcome=STATUS[call.status],
    )
