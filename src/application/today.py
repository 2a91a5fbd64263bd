"""Says what today is like: trouble, runs, reviews, pages.

A handful of statements, however many sites there are. Temporal is asked for the next runs alone; without it the rest
is shown.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from src.domain.alert import Alert
from src.domain.article import Failure
from src.domain.batch import Batch
from src.domain.errors import EngineUnavailable
from src.domain.hold import Hold
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.scheduling.schedule import Pause, ScheduleState
from src.domain.site import Site
from src.infrastructure.database.batch_progress import BatchProgress
from src.infrastructure.database.schedules import DesiredSchedule
from src.infrastructure.database.today import LivePage, Pace, WaitingReviews
from src.infrastructure.database.unit_of_work import Database

from .schedules import Schedules

_LATELY = timedelta(days=3)  # a batch that broke before is old news
_BROKEN_SHOWN = 20
_ALERTS_SHOWN = 50
_LIVE_SHOWN = 8
_PATIENCE = 3.0  # seconds for Temporal's answers; the page is worth more than they are


class SiteState(StrEnum):
    """What a site does now."""

    HELD = "held"
    RUNNING = "running"
    PAUSED = "paused"
    SCHEDULED = "scheduled"
    UNSCHEDULED = "unscheduled"


class SiteToday(BaseModel):
    """A site at a glance.

    Attributes:
        zone: of its schedule, else its own.
        differs: how Temporal's schedule differs from the desired one; None also when Temporal is away.
    """

    model_config = ConfigDict(frozen=True)

    slug: str
    name: str
    address: str
    zone: str
    state: SiteState
    hold: Hold | None
    pause: Pause | None
    next_run: datetime | None
    differs: str | None
    last: Batch | None
    waiting: int


class BrokenBatch(BaseModel):
    """A batch with articles that failed, and why most of them did."""

    model_config = ConfigDict(frozen=True)

    batch: Batch
    failed: int
    failure: Failure | None


class Today(BaseModel):
    """The day, as of one moment.

    Attributes:
        engine_problem: why next runs are not known; None: they are.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    sites: list[SiteToday]
    running: list[BatchProgress]
    broken: list[BrokenBatch]
    alerts: list[Alert]
    waiting: list[WaitingReviews]
    live: list[LivePage]
    live_count: int
    pace: Pace
    engine_problem: str | None

    @property
    def names(self) -> dict[str, str]:
        """Return the sites' names by slug."""
        return {site.slug: site.name for site in self.sites}

    @property
    def zones(self) -> dict[str, str]:
        """Return the sites' time zones by slug."""
        return {site.slug: site.zone for site in self.sites}

    @property
    def bands(self) -> tuple[int, ...]:
        """Return how many texts wait by age, of all sites."""
        return tuple(map(sum, zip(*(each.bands for each in self.waiting), strict=True)))


class _Planned(BaseModel):
    """What is known of schedules, by site."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    desired: Mapping[str, DesiredSchedule]
    pauses: Mapping[str, Pause]
    holds: Sequence[Hold]
    observed: Mapping[str, ScheduleState]


async def read_today(database: Database, schedules: Schedules, *, by: Principal) -> Today:
    """Return the day of the sites that somebody may read."""
    readable = by.sites(Action.SITE_READ)
    now = datetime.now(UTC)
    observed, problem = await _observe(schedules)
    async with database.unit_of_work() as uow:
        sites = [site for site in await uow.sites.list_all() if readable is None or site.slug in readable]
        midnights = {site.slug: _midnight(now, site) for site in sites}
        planned = _Planned(
            desired={each.site: each for each in await uow.schedules.list_all()},
            pauses=await uow.schedules.list_current_pauses(),
            holds=await uow.holds.list_current(None),
            observed=observed,
        )
        waiting = await uow.today.list_waiting(now, {site.slug: site.review.reminder for site in sites})
        running = await uow.batch_progress.list_running(sites=readable)
        broken = await uow.batch_progress.list_broken(sites=readable, since=now - _LATELY, limit=_BROKEN_SHOWN)
        last = {batch.site: batch for batch in await uow.batch_progress.list_last_ended(sites=readable)}
        live_count, live = await uow.today.list_live(midnights, limit=_LIVE_SHOWN)
        counts = {each.site: each.total for each in waiting}
        at_work = {each.batch.site for each in running}
        return Today(
            at=now,
            sites=[_site(each, planned, each.slug in at_work, last, counts) for each in sites],
            running=running,
            broken=[BrokenBatch(batch=batch, failed=count, failure=failure) for batch, count, failure in broken],
            alerts=await uow.alerts.list_all(sites=readable, limit=_ALERTS_SHOWN),
            waiting=waiting,
            live=live,
            live_count=live_count,
            pace=await uow.today.get_pace(dict.fromkeys(midnights, now - timedelta(hours=1))),
            engine_problem=problem,
        )


async def _observe(schedules: Schedules) -> tuple[dict[str, ScheduleState], str | None]:
    """Return the schedules as Temporal has them, or the problem."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return {state.site: state for state in await schedules.list_all()}, None
    except TimeoutError:
        return {}, f"Temporal did not answer within {_PATIENCE:.0f} s"
    except EngineUnavailable as error:
        return {}, error.message


def _midnight(now: datetime, site: Site) -> datetime:
    zone = ZoneInfo(site.time_zone)
    return datetime.combine(now.astimezone(zone).date(), time.min, tzinfo=zone)


def _site(
    site: Site, planned: _Planned, is_running: bool, last: Mapping[str, Batch], waiting: Mapping[str, int]
) -> SiteToday:
    desired, pause = planned.desired.get(site.slug), planned.pauses.get(site.slug)
    observed = planned.observed.get(site.slug)
    hold = next((hold for hold in planned.holds if hold.site in (None, site.slug)), None)
    return SiteToday(
        slug=site.slug,
        name=site.name,
        address=site.base_url.host or "",
        zone=desired.schedule.time_zone if desired else site.time_zone,
        state=_state(hold is not None, is_running, pause, desired),
        hold=hold,
        pause=pause,
        next_run=observed.next_runs[0] if observed and observed.next_runs and pause is None else None,
        differs=observed.differs if observed else None,
        last=last.get(site.slug),
        waiting=waiting.get(site.slug, 0),
    )


def _state(is_held: bool, is_running: bool, pause: Pause | None, desired: DesiredSchedule | None) -> SiteState:
    if is_held:
        return SiteState.HELD
    if is_running:
        return SiteState.RUNNING
    if desired is None:
        return SiteState.UNSCHEDULED
    return SiteState.PAUSED if pause else SiteState.SCHEDULED
