"""Sets and releases holds: the database first, since batches that open read it; then everybody under way is told.

Telling can be repeated at will: a workflow keeps the state with the highest version, and one that is gone is left out.
"""

import asyncio
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from src.domain.article import ArticleRef
from src.domain.errors import EngineUnavailable, Hint
from src.domain.hold import HoldDepth, HoldState
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.infrastructure.temporal import ids, policies
from src.infrastructure.temporal.workflows.hold import HoldableWorkflow

_AT_ONCE = 16  # signals under way; each is a few milliseconds of the server


class HoldResult(BaseModel):
    """What came of a change."""

    model_config = ConfigDict(frozen=True)

    changed: bool  # False: nothing was held
    batches: int  # workflows that know it now
    articles: int


class Holds:
    """Holds as one person changes them."""

    def __init__(self, client: Client, database: Database, *, who: str) -> None:
        self._client = client
        self._database = database
        self._who = who

    async def set(self, site: str | None, *, depth: HoldDepth, note: str) -> HoldResult:
        """Hold the site, None for all, or change its hold. Raises NotFound, EngineUnavailable when not all were told.

        Repeating it tells those who missed it.
        """
        async with self._database.unit_of_work() as uow:
            if site is not None:
                await uow.sites.get(site)
            await uow.holds.upsert(site, depth=depth, note=note, by=self._who)
        return await self._tell(site, changed=True)

    async def release(self, site: str | None) -> HoldResult:
        """End the site's hold, None for that on all; what another hold stops stays stopped. Raises as ``set`` does."""
        async with self._database.unit_of_work() as uow:
            if site is not None:
                await uow.sites.get(site)
            changed = await uow.holds.release(site, by=self._who)
        return await self._tell(site, changed=changed)

    async def _tell(self, site: str | None, *, changed: bool) -> HoldResult:
        # Read after the change was committed: what starts later than this finds the hold in the database.
        async with self._database.unit_of_work() as uow:
            batches = await uow.holds.running_batches(site)
            articles = await uow.holds.unfinished_articles(site)
            states = await _states(uow, [batch.site for batch in batches] + [slug for slug, _ in articles])
        parents = [
            (workflow_id, states[batch.site])
            for batch in batches
            for workflow_id in (batch.workflow_id, *_shards(batch.workflow_id, batch.articles))
        ]
        children = [(ids.article(article_id), states[slug]) for slug, article_id in articles]
        return HoldResult(
            changed=changed,
            batches=await _signal(self._client, parents),
            articles=await _signal(self._client, children),
        )


async def signal_article(client: Client, database: Database, article: ArticleRef, *, known: HoldState) -> HoldState:
    """Tell an article that has just been started what changed since ``known`` was read; returns what holds."""
    async with database.unit_of_work() as uow:
        state = await uow.holds.get_state(article.site)
    if state.version > known.version:
        await _signal(client, [(ids.article(article.article_id), state)])
    return state


async def _states(uow: UnitOfWork, sites: Iterable[str]) -> dict[str, HoldState]:
    return {site: await uow.holds.get_state(site) for site in sorted(set(sites))}


def _shards(workflow_id: str, articles: int) -> list[str]:
    if articles <= policies.SHARD_SIZE:
        return []
    return [ids.shard(workflow_id, first) for first in range(0, articles, policies.SHARD_SIZE)]


async def _signal(client: Client, states: Iterable[tuple[str, HoldState]]) -> int:
    """Tell each workflow its state. Returns how many are there."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def signal(workflow_id: str, state: HoldState) -> bool:
        async with slots:
            try:
                await client.get_workflow_handle(workflow_id).signal(HoldableWorkflow.hold, state)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return False
                raise EngineUnavailable(
                    f"the hold is stored, but Temporal did not take the signal for {workflow_id}: {error}",
                    hint=Hint.REPEAT,
                ) from error
        return True

    return sum(await asyncio.gather(*(signal(workflow_id, state) for workflow_id, state in states)))
