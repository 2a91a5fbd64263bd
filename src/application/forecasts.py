"""Gathers what a forecast needs: the coming slots, the longtails, the money."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from temporalio.client import Client

from src.domain.errors import Hint, NotFound
from src.domain.longtail import LongtailStatus
from src.domain.scheduling.forecast import Forecast, Spent, forecast_runs
from src.domain.scheduling.schedule import Pause
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import schedule_spec


async def forecast(client: Client, database: Database, site: str, *, days: int) -> Forecast:
    """The site's runs of the coming days, as they would be if nothing changed.

    A pause without an end lets none run. Raises NotFound for a site without a schedule.
    """
    now = datetime.now(UTC)
    async with database.unit_of_work() as uow:
        described = await uow.sites.get(site)
        known = await uow.schedules.find(site)
        if known is None:
            raise NotFound("schedule for site", site, hint=Hint.SET_SCHEDULE)
        zone = ZoneInfo(described.time_zone)
        pause = await uow.schedules.find_current_pause(site)
        ready = (await uow.longtails.count_by_status(site))[LongtailStatus.READY]
        article_usd = await uow.model_calls.mean_article_cost(site)
        today = datetime.combine(now.astimezone(zone).date(), time.min, tzinfo=zone)
        spent = Spent(
            today=await uow.watches.sum_cost_since(site, today),
            this_month=await uow.watches.sum_cost_since(site, today.replace(day=1)),
        )
    end = now + timedelta(days=days)
    first = max(now, pause.until or end) if pause else now
    return forecast_runs(
        site,
        await schedule_spec.slots_between(client, known.schedule, first, end) if first < end else [],
        now=now,
        zone=zone,
        ready=ready,
        articles_per_run=known.schedule.articles or described.articles_per_batch,
        article_usd=article_usd,
        budget=described.budget,
        spent=spent,
        paused=_in_words(pause, zone) if pause else None,
    )


def _in_words(pause: Pause, zone: ZoneInfo) -> str:
    until = f"until {pause.until.astimezone(zone):%Y-%m-%d %H:%M}" if pause.until else "without an end"
    return f"by {pause.started_by}, {until}: {pause.note}"
