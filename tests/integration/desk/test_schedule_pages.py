"""Schedules: the form says what the API would, and keeps what it does not show."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from src.api.desk.schedule_fields import local_moment, read_fields, shown_fields
from src.domain.errors import InputInvalid
from src.domain.person import Grant, Role
from src.domain.scheduling.schedule import Interval, Overlap, Schedule, When
from tests.factories import a_site

from .conftest import Browser, TheDesk, words

RICH = Schedule(
    when=When(times=(time(6), time(18, 30)), weekdays=(1, 5)),
    time_zone="Europe/Berlin",
    jitter=timedelta(minutes=5),
    starts_at=datetime(2026, 12, 1, 9, tzinfo=UTC),
    ends_at=datetime(2027, 12, 1, 9, tzinfo=UTC),
    skip_dates=(date(2026, 12, 25),),
    overlap=Overlap.SKIP,
    catch_up=timedelta(hours=1.5),
    pause_on_failure=True,
    articles=7,
)


@pytest.fixture
async def anna(desk: TheDesk) -> AsyncIterator[Browser]:
    async with desk.database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
    yield await desk.logged_in("anna")
    async with desk.database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM sites"))


@pytest.mark.parametrize(
    "schedule",
    [
        RICH,
        Schedule(when=When(cron=("0 6 * * 1-5", "30 9 1 * *")), time_zone="UTC"),
        Schedule(when=When(interval=Interval(every=timedelta(hours=6), offset=timedelta(minutes=30))), time_zone="UTC"),
    ],
)
def test_a_schedule_that_is_only_looked_at_stays_what_it_is(schedule: Schedule) -> None:
    again = read_fields(shown_fields(schedule)).change.apply(schedule, default_zone="UTC")
    assert again == schedule


def test_what_cannot_be_a_schedule_is_refused_by_field() -> None:
    fields = dict(shown_fields(RICH))
    with pytest.raises(ValidationError, match="times"):
        read_fields(fields | {"times": "25:00"})
    with pytest.raises(InputInvalid, match="catch_up"):
        read_fields(fields | {"catch_up": "a day"})


def test_a_pause_ends_in_the_zone_of_the_site() -> None:
    assert local_moment("2026-12-01T09:00", "Asia/Tokyo") == datetime(2026, 12, 1, tzinfo=UTC)


async def test_a_site_without_a_schedule_is_offered_the_form(anna: Browser) -> None:
    told = words(await anna.get("/desk/schedules/hardware-shop"))
    assert "Set a schedule" in told
    assert "Clock times" in told


async def test_wrong_fields_come_back_as_they_were_typed(anna: Browser) -> None:
    await anna.get("/desk/schedules/hardware-shop")
    answer = await anna.send("/desk/schedules/hardware-shop/preview", way="times", times="25:99 <b>", overlap="skip")
    assert answer.status_code == 422
    assert "25:99 &lt;b&gt;" in answer.text
    assert "Not right yet" in words(answer)


async def test_temporal_away_is_said_and_nothing_is_stored(desk: TheDesk, anna: Browser) -> None:
    await anna.get("/desk/schedules/hardware-shop")
    answer = await anna.send("/desk/schedules/hardware-shop", way="times", times="06:00", overlap="skip")
    assert answer.status_code == 503
    async with desk.database.unit_of_work() as uow:
        assert await uow.schedules.find("hardware-shop") is None


async def test_an_unknown_site_is_not_found(anna: Browser) -> None:
    assert (await anna.get("/desk/schedules/nowhere")).status_code == 404


@pytest.mark.parametrize("path", ["", "/preview", "/pause", "/resume", "/trigger", "/repair", "/remove"])
async def test_a_viewer_changes_nothing(desk: TheDesk, anna: Browser, path: str) -> None:
    name = f"xena{path.replace('/', '-')}"
    await desk.person(name, [Grant(role=Role.VIEWER, site=None)])
    xena = await desk.logged_in(name)
    assert "Preview" not in words(await xena.get("/desk/schedules/hardware-shop"))
    answer = await xena.send(f"/desk/schedules/hardware-shop{path}", way="times", times="06:00", note="x")
    assert answer.status_code == 403
