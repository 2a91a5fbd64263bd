"""Makes up slots through Temporal's own backfill, one slot at a time and with the overlap policy said explicitly.

Temporal would run done slots again, and under ``skip`` one slot of many; so only what is missing or failed is asked
for, and each requested slot is noted in the database first, from where its batch learns that it is a backfill.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from temporalio.client import Client, ScheduleBackfill
from temporalio.service import RPCError, RPCStatusCode

from src.domain.batch import BatchStatus
from src.domain.errors import EngineUnavailable, Hint, NotFound
from src.domain.ids import BackfillId
from src.domain.longtail import LongtailStatus
from src.domain.scheduling.backfill import BackfilledSlot, BackfillPlan, plan_slots
from src.domain.scheduling.schedule import Overlap
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.infrastructure.temporal import ids, schedule_spec


class Backfills:
    """Plans, requests, follows and stops backfills."""

    def __init__(self, client: Client, database: Database, *, who: str) -> None:
        self._client = client
        self._database = database
        self._who = who

    async def slots(self, site: str, first: datetime, end: datetime) -> list[datetime]:
        """The schedule's slots from ``first`` up to but not ``end``. Raises NotFound for a site without one."""
        async with self._database.unit_of_work() as uow:
            await uow.sites.get(site)
            known = await uow.schedules.find(site)
        if known is None:
            raise NotFound("schedule for site", site, hint=Hint.SET_SCHEDULE)
        return await schedule_spec.slots_between(self._client, known.schedule, first, end)

    async def plan(
        self, site: str, slots: Sequence[datetime], *, force: bool = False, max_articles: int | None = None
    ) -> BackfillPlan:
        """What making up these slots would do, without doing it."""
        async with self._database.unit_of_work() as uow:
            return await self._plan(uow, site, slots, force=force, max_articles=max_articles)

    async def request(self, plan: BackfillPlan, *, overlap: Overlap) -> tuple[BackfillId, BackfillPlan]:
        """Ask for the plan's slots, as far as nobody else asked for them meanwhile.

        Returns the backfill's id and what was really asked for. Raises NotFound when Temporal has no such schedule.
        """
        backfill_id = BackfillId(uuid4())
        wanted = [planned.slot for planned in plan.to_run]
        async with self._database.unit_of_work(autocommit=False) as uow:
            await uow.schedules.lock(plan.site)
            now = await self._plan(uow, plan.site, wanted, force=plan.force, max_articles=plan.articles)
            slots = [planned.slot for planned in now.to_run]
            await uow.schedules.insert_backfill(
                backfill_id,
                plan.site,
                slots,
                articles=[planned.articles for planned in now.to_run],
                force=plan.force,
                by=self._who,
            )
            after = {"slots": [slot.isoformat() for slot in slots], "overlap": overlap, "force": plan.force}
            await uow.schedules.record_change(plan.site, who=self._who, action="backfill", before=None, after=after)
            await uow.commit()
            if slots:
                await self._start(plan.site, slots, overlap)
        return backfill_id, now

    async def progress(self, backfill_id: BackfillId) -> list[BackfilledSlot]:
        """What came of each requested slot so far, the oldest first."""
        async with self._database.unit_of_work() as uow:
            found = []
            for row in await uow.schedules.list_backfill_slots(backfill_id):
                batch = await uow.batches.find_by_slot(row.site, row.slot)
                began = batch is not None and (batch.closed_at is None or batch.closed_at >= row.requested_at)
                found.append(
                    BackfilledSlot(
                        slot=row.slot,
                        batch_id=batch.id if batch else None,
                        status=batch.status if batch and began else None,
                        stopped=row.stopped_at is not None,
                    )
                )
            return found

    async def stop(self, site: str) -> list[datetime]:
        """Let no further slot of the site's backfills begin, and cancel the one that runs. Returns the slots."""
        async with self._database.unit_of_work() as uow:
            await uow.sites.get(site)
            slots = await uow.schedules.stop_backfills(site)
            batches = [await uow.batches.find_by_slot(site, slot) for slot in slots]
            await uow.schedules.record_change(site, who=self._who, action="stop backfill", before=None, after=None)
        for batch in batches:
            if batch is not None and batch.status is BatchStatus.RUNNING:
                await self._client.get_workflow_handle(batch.workflow_id, run_id=batch.run_id).cancel()
        return slots

    async def _plan(
        self, uow: UnitOfWork, site: str, slots: Sequence[datetime], *, force: bool, max_articles: int | None
    ) -> BackfillPlan:
        described = await uow.sites.get(site)
        known = await uow.schedules.find(site)
        ready = (await uow.longtails.count_by_status(site))[LongtailStatus.READY]
        waiting = await uow.schedules.list_waiting_slots(site)
        batches = {slot: batch for slot in slots if (batch := await uow.batches.find_by_slot(site, slot)) is not None}
        planned = plan_slots(
            [slot for slot in slots if slot not in waiting],
            batches,
            articles_per_run=(known.schedule.articles if known else None) or described.articles_per_batch,
            ready=ready,
            force=force,
            max_articles=max_articles,
        )
        an_article = await uow.model_calls.mean_article_cost(site)
        count = sum(each.articles for each in planned)
        return BackfillPlan(
            site=site,
            slots=planned,
            force=force,
            ready=ready,
            cost_usd=None if an_article is None else an_article * count,
        )

    async def _start(self, site: str, slots: Sequence[datetime], overlap: Overlap) -> None:
        policy = schedule_spec.POLICIES[overlap]
        try:
            await self._client.get_schedule_handle(ids.schedule(site)).backfill(
                *(ScheduleBackfill(start_at=slot, end_at=slot, overlap=policy) for slot in slots)
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise NotFound("schedule in Temporal for site", site, hint=Hint.REPAIR_SCHEDULE) from error
            raise EngineUnavailable(f"Temporal did not take the backfill of {site!r}: {error}") from error
