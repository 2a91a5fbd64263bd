"""Calendar: what the cells say, also without Temporal and on days of 23 and 25 hours."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import text

from src.api.desk.slots import cells, count_kinds
from src.application.calendar import CalendarRow, CalendarSlot
from src.domain.colour import BLUE
from src.domain.scheduling.schedule import Schedule, When
from src.domain.scheduling.slot_evidence import Outcome, SlotReport
from src.domain.scheduling.slots import slots
from tests.factories import a_site, longtails, open_batch

from .conftest import Browser, TheDesk, words


@pytest.fixture
async def anna(desk: TheDesk) -> AsyncIterator[Browser]:
    yield await desk.logged_in("anna")
    async with desk.database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM sites"))


def _row(*moments: datetime, outcome: Outcome = Outcome.NOT_STARTED) -> CalendarRow:
    made = [
        CalendarSlot(slot=at, day=at.date(), report=SlotReport(site="hardware-shop", slot=at, outcome=outcome))
        for at in moments
    ]
    return CalendarRow(site=a_site(), zone="UTC", schedule=None, slots=made)


def test_a_gap_reads_without_colour() -> None:
    at = datetime(2026, 11, 3, 6, tzinfo=UTC)
    (cell,) = cells(_row(at), at.date(), month="2026-11", chosen=at)
    assert (cell.kind, cell.figure, cell.is_chosen) == ("gap", "gap", True)
    assert "gap" in cell.words


def test_many_slots_of_a_day_are_one_figure_that_leads_to_them() -> None:
    hours = [datetime(2026, 11, 3, hour, tzinfo=UTC) for hour in range(24)]
    (cell,) = cells(_row(*hours), date(2026, 11, 3), month="2026-11", chosen=None)
    assert cell.figure == "24×"
    assert "day=2026-11-03" in cell.href
    assert count_kinds([_row(*hours)])["gap"] == 24


@pytest.mark.parametrize(("first", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_on_which_clocks_change_has_each_slot_once(first: date, hours: int) -> None:
    schedule = Schedule(when=When(times=(time(1, 30), time(12))), time_zone="Europe/London")
    begin = datetime.combine(first, time.min, tzinfo=UTC) - timedelta(hours=2)
    found = list(slots(schedule, begin, begin + timedelta(hours=hours + 3)))
    assert len(cells(_row(*found), first, month=f"{first:%Y-%m}", chosen=None)) == 2


async def test_without_temporal_batches_are_shown_and_it_says_so(desk: TheDesk, anna: Browser) -> None:
    async with desk.database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(name="<i>雲</i>" + "x" * 60))
        await uow.longtails.add("hardware-shop", longtails(2), source="test")
        await uow.schedules.upsert(
            "hardware-shop",
            Schedule(when=When(times=(time(6),)), time_zone="Europe/London"),
            colour=BLUE,
            written={},
            by="anna",
        )
    async with desk.database.engine.begin() as connection:
        await connection.execute(text("UPDATE schedule_versions SET valid_from = '2026-11-01'"))
    await open_batch(desk.database, datetime(2026, 11, 20, 6, tzinfo=UTC), limit=2)
    page = await anna.get("/desk/calendar", month="2026-11")
    assert page.status_code == 200
    assert "Temporal does not answer" in words(page)
    assert "0/2" in words(page)
    assert "<i>雲" not in page.text


async def test_without_sites_it_teaches(anna: Browser) -> None:
    assert "There is no site yet" in words(await anna.get("/desk/calendar"))


async def test_a_month_that_is_none_is_refused(anna: Browser) -> None:
    assert (await anna.get("/desk/calendar", month="2026-13")).status_code == 422
