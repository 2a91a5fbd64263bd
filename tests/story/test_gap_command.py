"""``schedule gaps``, ``forecast`` and ``alerts`` as people call them; the schedule's past is put in the database."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import text

from src.bootstrap import Application
from src.domain.colour import Colour
from src.domain.scheduling.schedule import Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from src.infrastructure.database.unit_of_work import Database
from tests.factories import a_site, longtails

from .conftest import Longtail

DAILY = Schedule(when=When(times=(time(0, 0),)), time_zone="UTC", articles=2)


@pytest.fixture
async def site(database: Database, application: Application, colour: Colour) -> AsyncIterator[str]:
    """A site whose daily schedule claims to be three days old, so that Temporal started none of its slots."""
    slug = f"site-{colour}"
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=slug, time_zone="UTC"))
        await uow.longtails.add(slug, longtails(5), source="test")
    schedules = application.schedules
    await schedules.set(slug, ScheduleChange.replacing(DAILY), colour=colour)
    async with database.engine.begin() as connection:
        moved = "UPDATE schedule_versions SET valid_from = valid_from - interval '3 days' WHERE site = :site"
        await connection.execute(text(moved), {"site": slug})
    yield slug
    await schedules.remove(slug)


def test_gaps_injected_in_the_database_are_listed_and_made_up(site: str, longtail: Longtail) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    expected = [midnight - timedelta(days=days) for days in (2, 1, 0)]

    found = longtail.run("schedule", "gaps", site, "--json")
    slots = json.loads(found.stdout)["slots"]
    assert found.returncode == 1
    assert [datetime.fromisoformat(slot["slot"]) for slot in slots][:3] == expected
    assert {slot["outcome"] for slot in slots[:2]} == {"not_started"}

    yesterday = f"{expected[1]:%Y-%m-%d}"
    asked = longtail.run("schedule", "gaps", site, "--from", yesterday, "--to", yesterday, "--backfill", "--json")
    (plan,) = json.loads(asked.stdout)["backfills"]
    assert (asked.returncode, [slot["articles"] for slot in plan["slots"]]) == (1, [2])

    shown = longtail.run("schedule", "gaps", site, "--from", yesterday, "--to", yesterday)
    assert "waits for a worker" in shown.stdout
    assert shown.returncode == 0

    foreseen = longtail.json("schedule", "forecast", site, "--days", "5")
    assert [run["articles"] for run in foreseen["runs"]] == [2, 2, 1, 0, 0]
    assert foreseen["longtails_run_out"] == foreseen["runs"][2]["slot"]
    assert longtail.json("schedule", "alerts", site) == []
