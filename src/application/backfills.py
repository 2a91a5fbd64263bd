"""Backfills slots one by one through Temporal's own backfill.

Temporal would run completed slots again, and with ``skip`` one slot of many. So only missing and failed slots are
requested, and each is stored first: that is how its batch knows that it is a backfill.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from src.domain.batch import BatchStatus
from src.domain.errors import Hint, NotFound
from src.domain.ids import BackfillId
from src.domain.longtail import LongtailStatus
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.scheduling.backfill import BackfilledSlot, BackfillPlan, plan_slots
from src.domain.scheduling.schedule import Overlap
from src.domain.scheduling.slot_evidence import Outcome, SlotReport
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

if TYPE_CHECKING:
    from src.infrastructure.temporal.schedule_gateway import ScheduleGateway
    from src.infrastructure.temporal.schedule_times import ScheduleTimes
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway


class Backfills:
    """Backfills as one person plans, requests and stops them."""

    def __init__(
        self,
        database: Database,
        gateway: "ScheduleGateway",
        times: "ScheduleTimes",
        workflows: "WorkflowGateway",
        *,
        by: Principal,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._times = times
        self._workflows = workflows
        self._by = by

    async def list_slots(self, site: str, first: datetime, end: datetime) -> list[datetime]:
        """Return the schedule's slots from ``first`` up to but not ``end``.

        Raises NotFound for a site without one, and NotPermitted.
        """
        self._by.require(Action.SCHEDULE_BACKFILL, site)
        async with self._database.unit_of_work() as uow:
            await uow.sites.get(site)
            known = await uow.schedules.find(site)
        if known is None:
            raise NotFound("schedule for site", site, hint=Hint.SET_SCHEDULE)
        return await self._times.list_between(known.schedule, first, end)

    async def plan(
        self, site: str, slots: Sequence[datetime], *, force: bool = False, max_articles: int | None = None
    ) -> BackfillPlan:
        """Return what a backfill of these slots would do.

        Raises NotFound, and NotPermitted.
        """
        self._by.require(Action.SCHEDULE_BACKFILL, site)
        async with self._database.unit_of_work() as uow:
            return await self._plan(uow, site, slots, force=force, max_articles=max_articles)

    async def request(self, plan: BackfillPlan, *, overlap: Overlap) -> tuple[BackfillId, BackfillPlan]:
        """Request the plan's slots, except those that were requested by others meanwhile.

        Return the backfill's id and what was requested. Raises NotFound when Temporal has no such schedule, and
        NotPermitted.
        """
        self._by.require(Action.SCHEDULE_BACKFILL, plan.site)
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
                by=self._by.name,
            )
            after = {"slots": [slot.isoformat() for slot in slots], "overlap": overlap, "force": plan.force}
            await uow.audit.record(Action.SCHEDULE_BACKFILL, plan.site, by=self._by, site=plan.site, after=after)
            await uow.commit()
            if slots:
                await self._gateway.backfill(plan.site, slots, overlap=overlap)
        return backfill_id, now

    async def request_gaps(self, site: str, slots: Sequence[SlotReport]) -> BackfillPlan | None:
        """Ask for those of the slots that are gaps, one after another.

        None when there are none.

        Raises as ``request`` does. A slot that found no longtails counts as done, so that one has to be forced.
        """
        gaps = [slot for slot in slots if slot.outcome.is_gap]
        if not gaps:
            return None
        force = any(slot.outcome is Outcome.NO_LONGTAILS for slot in gaps)
        plan = await self.plan(site, [slot.slot for slot in gaps], force=force)
        return (await self.request(plan, overlap=Overlap.BUFFER_ALL))[1]

    async def progress(self, backfill_id: BackfillId, *, site: str | None = None) -> list[BackfilledSlot]:
        """Return the state of each requested slot, the oldest first.

        With ``site`` those of this site alone.
        """
        async with self._database.unit_of_work() as uow:
            found = []
            for row in await uow.schedules.list_backfill_slots(backfill_id):
                if site not in (None, row.site):
                    continue
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
        """Stop the site's backfills, and return the slots that they requested.

        No further slot starts, and those that run are cancelled.

        A slot whose workflow is gone is left as it is. Raises NotFound, and NotPermitted.
        """
        self._by.require(Action.SCHEDULE_STOP_BACKFILL, site)
        async with self._database.unit_of_work() as uow:
            await uow.sites.get(site)
            slots = await uow.schedules.stop_backfills(site)
            batches = [await uow.batches.find_by_slot(site, slot) for slot in slots]
            after = {"slots": [slot.isoformat() for slot in slots]}
            await uow.audit.record(Action.SCHEDULE_STOP_BACKFILL, site, by=self._by, site=site, after=after)
        for batch in batches:
            if batch is not None and batch.status is BatchStatus.RUNNING:
                await self._workflows.cancel_batch(batch.workflow_id, batch.run_id)
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
