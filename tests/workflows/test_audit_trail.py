"""Writes that go through Temporal record one event each, refuse who may not, and leave a sound trail."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import pytest
from temporalio.client import Client

from src.application import audit
from src.bootstrap import Application
from src.domain.batch import Trigger
from src.domain.colour import BLUE, Colour
from src.domain.errors import NotPermitted
from src.domain.hold import HoldDepth
from src.domain.person import Grant, Person, Role
from src.domain.principal import Origin, Principal
from src.domain.scheduling.schedule import ObservedSchedule, Overlap, Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from src.domain.stages import Stage
from src.infrastructure.database.audit import AuditEvent
from src.infrastructure.database.batches import BatchRequest
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from tests.applications import ANNA, an_application
from tests.factories import SLOT, a_site, longtails

DAILY = ScheduleChange.replacing(Schedule(when=When(times=(time(6, 0),)), time_zone="UTC"))
Write = Callable[[Application], Awaitable[object]]


async def events(database: Database) -> list[AuditEvent]:
    return [event async for event in audit.export(database, by=ANNA)]


async def test_every_write_records_one_event_after_which_the_trail_is_sound(
    fresh: Database, client: Client, colour: Colour
) -> None:
    site = f"trail-{secrets.token_hex(4)}"
    async with fresh.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=site))
        await uow.longtails.add(site, longtails(2), source="test")
    request = BatchRequest(
        site=site,
        slot=SLOT,
        trigger=Trigger.MANUAL,
        colour=BLUE,
        workflow_id=f"batch/{site}-{SLOT:%Y-%m-%dT%H:%M:%SZ}",
        run_id=str(uuid4()),
    )
    batch_id, _ = await fresh.run_in_transaction(lambda uow: uow.batches.open(request, limit=1, force=False))
    async with fresh.unit_of_work() as uow:
        (article,) = await uow.articles.list_all()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    paused = ObservedSchedule(
        fingerprint={},
        is_paused=True,
        note="by hand",
        created_at=datetime.now(UTC),
        next_runs=(),
        recent_runs=(),
        running=0,
        buffered=0,
        missed_catch_up=0,
        skipped_overlap=0,
    )
    writes: list[tuple[str, Write]] = [
        ("batch start", lambda app: app.batches.start(site, colour=colour)),
        ("batch cancel", lambda app: app.batches.cancel(batch_id)),
        ("article retry", lambda app: app.articles.retry(article.id, colour=colour)),
        ("hold set", lambda app: app.holds.set(site, depth=HoldDepth.STAGES, note="look")),
        ("hold release", lambda app: app.holds.release(site)),
        ("hold set", lambda app: app.holds.set(None, depth=HoldDepth.CALLS, note="all")),
        ("schedule set", lambda app: app.schedules.set(site, DAILY, colour=colour)),
        ("schedule pause", lambda app: app.schedules.pause(site, note="relaunch", until=tomorrow)),
        ("schedule resume", lambda app: app.schedules.resume(site, note="on")),
        ("schedule trigger", lambda app: app.schedules.trigger(site, overlap=Overlap.SKIP)),
        ("schedule repair", lambda app: app.schedules.rewrite(site)),
        ("schedule adopt", lambda app: app.schedules.adopt_pause(site, paused)),
        ("schedule stop backfill", lambda app: app.backfills.stop(site)),
    ]
    application = an_application(client, fresh).acting_as(ANNA)
    try:
        for said, write in writes:
            before = len(await events(fresh))
            await write(application)
            (new,) = (await events(fresh))[before:]
            assert (f"{new.noun} {new.action}", new.who, new.address) == (said, "anna", "here")
            report = await audit.verify(fresh, by=ANNA)
            assert report.is_sound, (said, report.differences)
    finally:
        await application.schedules.remove(site)
        await client.get_workflow_handle(ids.article(article.id)).terminate()
    assert (await audit.verify(fresh, by=ANNA)).is_sound


async def test_who_may_only_read_changes_nothing(fresh: Database, client: Client, colour: Colour) -> None:
    site = f"trail-{secrets.token_hex(4)}"
    async with fresh.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=site))
    application = an_application(client, fresh).acting_as(a_viewer())
    writes: list[Write] = [
        lambda app: app.batches.start(site, colour=colour),
        lambda app: app.holds.set(site, depth=HoldDepth.STAGES, note=""),
        lambda app: app.holds.release(None),
        lambda app: app.schedules.set(site, DAILY, colour=colour),
        lambda app: app.schedules.pause(site, note=""),
        lambda app: app.schedules.resume(site, note=""),
        lambda app: app.schedules.trigger(site),
        lambda app: app.schedules.rewrite(site),
        lambda app: app.schedules.remove(site),
        lambda app: app.backfills.stop(site),
    ]
    for write in writes:
        with pytest.raises(NotPermitted):
            await write(application)
    assert await events(fresh) == []


async def test_who_may_not_starts_no_article_again(fresh: Database, client: Client, colour: Colour) -> None:
    async with fresh.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(1), source="test")
    request = BatchRequest(
        site="hardware-shop",
        slot=SLOT,
        trigger=Trigger.MANUAL,
        colour=BLUE,
        workflow_id=f"batch/{uuid4()}",
        run_id=str(uuid4()),
    )
    batch_id, _ = await fresh.run_in_transaction(lambda uow: uow.batches.open(request, limit=1, force=False))
    async with fresh.unit_of_work() as uow:
        (article,) = await uow.articles.list_all()
    application = an_application(client, fresh).acting_as(a_viewer())
    writes: list[Write] = [
        lambda app: app.articles.retry(article.id, colour=colour),
        lambda app: app.articles.revise(article.id, from_stage=Stage.ARTICLE, colour=colour),
        lambda app: app.batches.cancel(batch_id),
    ]
    for write in writes:
        with pytest.raises(NotPermitted):
            await write(application)
    assert await events(fresh) == []


def a_viewer() -> Principal:
    person = Person(
        name="vera",
        display_name="Vera",
        email=None,
        os_user=None,
        disabled_at=None,
        created_at=datetime.now(UTC),
        grants=(Grant(role=Role.VIEWER, site=None),),
    )
    return Principal(name="vera", origin=Origin.API, person=person)
