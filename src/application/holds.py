"""Sets and releases holds.

First in the database, which opening batches read, then by signals to running workflows.

A signal may be repeated: a workflow keeps the state with the highest version, and a workflow that ended is left out.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from src.domain.errors import EngineUnavailable, Hint
from src.domain.hold import Hold, HoldDepth, HoldState
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway


ALL_SITES = "*"  # the audit trail's subject of a hold on all sites


class HoldResult(BaseModel):
    """What a change of a hold did."""

    model_config = ConfigDict(frozen=True)

    changed: bool  # False: nothing was held
    batches: int  # workflows that took the signal
    articles: int
    holds: tuple[Hold, ...]  # those that concern the site now


async def list_holds(database: Database, *, by: Principal) -> list[Hold]:
    """Return the current holds that concern somebody's sites.

    The one on all sites is first, and for everybody who may read a site.
    """
    readable = by.sites(Action.SITE_READ)
    async with database.unit_of_work() as uow:
        current = await uow.holds.list_current(None)
    return [hold for hold in current if readable is None or (readable and hold.site in (None, *readable))]


class Holds:
    """Holds as one person changes them."""

    def __init__(self, database: Database, workflows: "WorkflowGateway", *, by: Principal) -> None:
        self._database = database
        self._workflows = workflows
        self._by = by

    async def set(self, site: str | None, *, depth: HoldDepth, note: str) -> HoldResult:
        """Hold the site, None for all, or change its hold.

        Repeating it signals those who missed it.

        Raises NotFound, NotPermitted, and EngineUnavailable when the hold is stored but a workflow could not be
        signalled.
        """
        self._by.require(Action.HOLD_SET, site)
        async with self._database.unit_of_work() as uow:
            if site is not None:
                await uow.sites.get(site)
            before = await uow.holds.upsert(site, depth=depth, note=note, by=self._by.name)
            after = {"depth": depth.value, "note": note}
            await self._record(uow, Action.HOLD_SET, site, before=_state(before), after=after)
        return await self._signal(site, changed=True)

    async def release(self, site: str | None) -> HoldResult:
        """End the site's hold, None for that on all.

        Other holds on it stay. Raises as ``set`` does.
        """
        self._by.require(Action.HOLD_RELEASE, site)
        async with self._database.unit_of_work() as uow:
            if site is not None:
                await uow.sites.get(site)
            before = await uow.holds.release(site, by=self._by.name)
            if before is not None:
                await self._record(uow, Action.HOLD_RELEASE, site, before=before.state)
        return await self._signal(site, changed=before is not None)

    async def _record(
        self,
        uow: UnitOfWork,
        action: Action,
        site: str | None,
        *,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None = None,
    ) -> None:
        await uow.audit.record(action, site or ALL_SITES, by=self._by, site=site, before=before, after=after)

    async def _signal(self, site: str | None, *, changed: bool) -> HoldResult:
        # Read after the change was committed: what starts later than this finds the hold in the database.
        async with self._database.unit_of_work() as uow:
            batches = await uow.batches.list_running(site)
            articles = await uow.articles.list_ids_unfinished(site)
            states = await _states(uow, [batch.site for batch in batches] + [slug for slug, _ in articles])
            holds = await uow.holds.list_current(site)
        try:
            return HoldResult(
                changed=changed,
                batches=await self._workflows.signal_batches(batches, states),
                articles=await self._workflows.signal_articles(articles, states),
                holds=tuple(holds),
            )
        except EngineUnavailable as error:
            raise EngineUnavailable(f"the hold is stored, but {error.message}", hint=Hint.REPEAT) from error


async def _states(uow: UnitOfWork, sites: Iterable[str]) -> dict[str, HoldState]:
    return {site: await uow.holds.get_state(site) for site in sorted(set(sites))}


def _state(hold: Hold | None) -> dict[str, Any] | None:
    return hold.state if hold else None
