"""Today: trouble before numbers, from few statements, also while Temporal is away."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace

import pytest
from fastapi import Request
from sqlalchemy import text

from src.api import events
from src.domain.alert import AlertKind, Finding
from src.domain.article import Failure
from src.domain.colour import BLUE
from src.domain.errors import NotAuthenticated
from src.domain.hold import HoldDepth
from src.domain.person import Grant, Role
from src.domain.principal import Principal
from src.domain.scheduling.schedule import Schedule, When
from src.domain.stages import Stage
from tests.applications import ANNA
from tests.factories import a_site
from tests.finished_articles import finished_articles, save
from tests.integration.infrastructure.database.test_queries import counted

from .conftest import Browser, TheDesk, words

MOST = 19  # two find out who asks, one is of the frame, and Temporal's part reads schedules and pauses once more
UGLY = '<b onclick="x()">Größe & "Co"</b> 雲' + "x" * 100


@pytest.fixture
async def anna(desk: TheDesk) -> AsyncIterator[Browser]:
    yield await desk.logged_in("anna")
    async with desk.database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM sites"))
        await connection.execute(text("DELETE FROM watchdog_alerts"))


async def _sites(desk: TheDesk, count: int) -> None:
    async with desk.database.unit_of_work() as uow:
        for number in range(count):
            await uow.sites.upsert(
                a_site(slug=f"site-{number}", name=f"Site {number}", base_url=f"https://{number}.example")
            )


async def test_without_a_site_it_says_how_to_begin(anna: Browser) -> None:
    page = await anna.get("/desk/")
    assert page.status_code == 200
    assert "Describe your first site" in words(page)


async def test_without_trouble_it_says_so_and_that_temporal_is_away(desk: TheDesk, anna: Browser) -> None:
    await _sites(desk, 2)
    schedule = Schedule(when=When(times=(time(6),)), time_zone="Europe/London")
    async with desk.database.unit_of_work() as uow:
        await uow.schedules.upsert("site-0", schedule, colour=BLUE, written={}, by="anna")
    page = words(await anna.get("/desk/"))
    assert "Nothing All sites do what they should." in page
    assert "Temporal does not answer" in page
    assert "No schedule" in page


async def test_trouble_comes_worst_first_with_one_next_step(desk: TheDesk, anna: Browser) -> None:
    first, second = await finished_articles(desk.database, 2)
    await save(desk.database, first)
    slot = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    missing = Finding(
        kind=AlertKind.SLOT_MISSING,
        site=first.site,
        detail=UGLY,
        slot=slot,
        reason="not_started",
        subject=f"{first.site} {slot:%Y-%m-%dT%H:%M:%SZ}",
    )
    async with desk.database.unit_of_work() as uow:
        failure = Failure(stage=Stage.ARTICLE, error_type="ModelRefused", message=UGLY, attempts=2)
        await uow.articles.fail(second.article_id, failure)
        await uow.alerts.settle(AlertKind.SLOT_MISSING, [missing])
    async with desk.database.engine.begin() as connection:
        await connection.execute(text("UPDATE reviews SET waiting_since = now() - interval '3 days'"))
    page = await anna.get("/desk/")
    told = words(page)
    assert "1 of 2 articles failed at stage C" in told
    assert told.index("articles failed at stage C") < told.index("no run for") < told.index("longer than planned")
    assert "See and retry 1" in told
    assert "over 2 days" in told
    assert "<b onclick" not in page.text  # bytes of others are text


async def test_a_held_site_says_who_and_why(desk: TheDesk, anna: Browser) -> None:
    await _sites(desk, 1)
    async with desk.database.unit_of_work() as uow:
        await uow.holds.upsert("site-0", depth=HoldDepth.STAGES, note="wrong fact", by="mara")
    assert "Held mara: wrong fact" in words(await anna.get("/desk/"))


async def test_it_needs_as_many_statements_for_many_sites_as_for_one(desk: TheDesk, anna: Browser) -> None:
    needed = []
    for count in (1, 12):
        await _sites(desk, count)
        with counted(desk.database) as statements:
            assert (await anna.get("/desk/")).status_code == 200
        needed.append(len(statements))
    assert needed[0] == needed[1] <= MOST


async def test_others_see_their_sites_alone(desk: TheDesk, anna: Browser) -> None:
    await _sites(desk, 2)
    await desk.person("vera", [Grant(role=Role.VIEWER, site="site-1")])
    vera = await desk.logged_in("vera")
    told = words(await vera.get("/desk/"))
    assert "Site 1" in told
    assert "Site 0" not in told


async def test_alerts_and_holds_have_pages_that_teach_when_empty(anna: Browser) -> None:
    assert "No alert is open" in words(await anna.get("/desk/alerts", site="", kind=""))
    assert "No site is held" in words(await anna.get("/desk/holds"))


async def test_a_viewer_is_shown_no_hold_and_refused_one(desk: TheDesk, anna: Browser) -> None:
    await _sites(desk, 1)
    await desk.person("victor", [Grant(role=Role.VIEWER, site=None)])
    victor = await desk.logged_in("victor")
    assert "Hold now" not in words(await victor.get("/desk/holds"))
    answer = await victor.send("/desk/holds", site="site-0", depth="stages", note="mine")
    assert answer.status_code == 403


async def test_a_hold_needs_a_note(desk: TheDesk, anna: Browser) -> None:
    await _sites(desk, 1)
    await anna.get("/desk/holds")
    answer = await anna.send("/desk/holds", site="site-0", depth="stages", note=" ")
    assert answer.status_code == 422
    assert "say why" in words(answer)


async def test_a_stream_ends_with_the_session(desk: TheDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(events, "_LOOK_SECONDS", 0.01)
    streams = events.Streams(asyncio.Event())
    request = Request({"type": "http", "app": SimpleNamespace(state=SimpleNamespace(streams=streams))})
    left = [ANNA, ANNA]

    async def renewed(_: Request) -> Principal:
        if not left:
            raise NotAuthenticated("ended")
        return left.pop()

    seen = [event async for event in events.watch(request, desk.application, renewed=renewed)]
    assert [event.startswith("event: change") for event in seen] == [False, True, True]
    assert streams.open == 0
