"""Shows model calls of all articles, and what they used."""

from pydantic import BaseModel, ConfigDict

from src.agents.instructions import instructions
from src.domain.call_filter import CallFilter
from src.domain.ids import CallId
from src.domain.paging import Excerpt, MomentPosition, Page
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.stages import Stage
from src.domain.usage import Spend
from src.infrastructure.database.call_lists import CallOfSite, ListedCall
from src.infrastructure.database.unit_of_work import Database

_AGENTS = frozenset(stage.name.lower() for stage in Stage)


class CallPage(BaseModel):
    """A page of calls, with the sum of all in the filter.

    Attributes:
        models: all that were asked on the sites that the person may read.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    page: Page[ListedCall, MomentPosition]
    spend: Spend
    models: list[str]


async def list_calls(
    database: Database, where: CallFilter, *, by: Principal, excerpt: Excerpt[MomentPosition]
) -> CallPage:
    """Return a page of the calls that somebody may read.

    They are in the order of their opening. Raises NotFound for an unknown site, and NotPermitted.
    """
    sites = by.sites_of(Action.SITE_READ, where.site)
    async with database.unit_of_work() as uow:
        if where.site is not None:
            await uow.sites.get(where.site)
        return CallPage(
            page=await uow.call_lists.list_page(where, sites=sites, excerpt=excerpt),
            spend=await uow.call_lists.sum(where, sites=sites),
            models=await uow.call_lists.list_models(sites=by.sites(Action.SITE_READ)),
        )


async def read_call(database: Database, call_id: CallId, *, by: Principal) -> CallOfSite:
    """Return the call with its answer. Raises NotFound, and NotPermitted."""
    async with database.unit_of_work() as uow:
        call = await uow.call_lists.get(call_id)
    by.require(Action.SITE_READ, call.site)
    return call


def instructions_of(prompt: str) -> str | None:
    """Return the rules that the prompt named; None: of another version."""
    agent = prompt.partition("@")[0]
    known = instructions(agent) if agent in _AGENTS else None
    return known.text if known is not None and known.name == prompt else None
