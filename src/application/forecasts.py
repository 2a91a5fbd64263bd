"""Forecasts a site's coming runs: slots, longtails, money."""

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from src.domain.errors import Hint, NotFound
from src.domain.longtail import LongtailStatus
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.scheduling.forecast import Forecast, Spent, forecast_runs
from src.infrastructure.database.unit_of_work import Database

if TYPE_CHECKING:
    from src.infrastructure.temporal.schedule_times import ScheduleTimes


class Forecasts:
    """Forecasts from what the database and the schedule say now."""

    def __init__(self, database: Database, times: "ScheduleTimes", *, by: Principal) -> None:
        self._database = database
        self._times = times
        self._by = by

    async def get(self, site: str, *, days: int) -> Forecast:
        """Return the site's runs of the coming days if nothing changes.

        A pause without an end lets none run. Raises NotFound for a site without a schedule, and NotPermitted.
        """
        self._by.require(Action.SITE_READ, site)
        now = datetime.now(UTC)
        async with self._database.unit_of_work() as uow:
            described = await uow.sites.get(site)
            desired = await uow.schedules.find(site)
            if desired is None:
                raise NotFound("schedule for site", site, hint=Hint.SET_SCHEDULE)
            zone = ZoneInfo(described.time_zone)
            pause = await uow.schedules.find_current_pause(site)
            ready = (await uow.longtails.count_by_status(site))[LongtailStatus.READY]
            article_usd = await uow.model_calls.mean_article_cost(site)
            today = datetime.combine(now.astimezone(zone).date(), time.min, tzinfo=zone)
            spent = Spent(
                today=await uow.model_calls.sum_cost_since(site, today),
                this_month=await uow.model_calls.sum_cost_since(site, today.replace(day=1)),
            )
        end = now + timedelta(days=days)
        first = max(now, pause.until or end) if pause else now
        return forecast_runs(
            site,
            await self._times.list_between(desired.schedule, first, end) if first < end else [],
            now=now,
            zone=zone,
            ready=ready,
            articles_per_run=desired.schedule.articles or described.articles_per_batch,
            article_usd=article_usd,
            budget=described.budget,
            spent=spent,
            pause=pause,
        )
