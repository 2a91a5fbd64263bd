"""What the coming runs will use up: longtails first, then the budget."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, computed_field

from ..site import Budget
from ..usage import Dollars
from .schedule import Pause


class ForecastRun(BaseModel):
    """One run to come."""

    model_config = ConfigDict(frozen=True)

    slot: datetime  # UTC
    articles: int
    left: int  # longtails after it
    cost_usd: Dollars | None  # None: what an article costs is not known
    over_budget: str | None = None  # which limit it breaks


class Forecast(BaseModel):
    """The coming runs, and when something runs out.

    None: not within them, or not known.
    """

    model_config = ConfigDict(frozen=True)

    site: str
    runs: tuple[ForecastRun, ...]
    ready: int  # longtails now
    articles_per_run: int  # articles that a run would make if there are enough
    article_usd: Dollars | None
    pause: Pause | None = None  # the current one
    longtails_run_out: datetime | None  # the first run that finds fewer than it would make
    budget_runs_out: datetime | None  # the first run that a limit is too small for

    @computed_field  # type: ignore[prop-decorator]
    @property
    def paused(self) -> str | None:
        """Return who paused it and until when, if it is."""
        if self.pause is None:
            return None
        until = f"until {self.pause.until:%Y-%m-%d %H:%M} UTC" if self.pause.until else "without an end"
        return f"by {self.pause.started_by}, {until}: {self.pause.note}"


class Spent(BaseModel):
    """Money spent so far in the site's day and month."""

    model_config = ConfigDict(frozen=True)

    today: Decimal = Decimal(0)
    this_month: Decimal = Decimal(0)


def forecast_runs(  # noqa: PLR0913 - each is a fact of its own
    site: str,
    slots: Sequence[datetime],
    *,
    now: datetime,
    zone: ZoneInfo,
    ready: int,
    articles_per_run: int,
    article_usd: Decimal | None,
    budget: Budget,
    spent: Spent,
    pause: Pause | None = None,
) -> Forecast:
    """Allocate longtails and budget to each slot in order.

    Days and months are in ``zone``, the site's.
    """
    today = now.astimezone(zone).date()
    days: defaultdict[date, Decimal] = defaultdict(Decimal, {today: spent.today})
    months: defaultdict[date, Decimal] = defaultdict(Decimal, {today.replace(day=1): spent.this_month})
    left, runs = ready, []
    for slot in slots:
        day = slot.astimezone(zone).date()
        articles = min(articles_per_run, left)
        left -= articles
        cost = None if article_usd is None else article_usd * articles
        days[day] += cost or 0
        months[day.replace(day=1)] += cost or 0
        over = _broken(budget, days, months, day) if cost else None
        runs.append(ForecastRun(slot=slot, articles=articles, left=left, cost_usd=cost, over_budget=over))
    return Forecast(
        site=site,
        runs=tuple(runs),
        ready=ready,
        articles_per_run=articles_per_run,
        article_usd=article_usd,
        pause=pause,
        longtails_run_out=next((run.slot for run in runs if run.articles < articles_per_run), None),
        budget_runs_out=next((run.slot for run in runs if run.over_budget), None),
    )


def _broken(budget: Budget, days: Mapping[date, Decimal], months: Mapping[date, Decimal], day: date) -> str | None:
    if budget.per_day_usd is not None and days[day] > budget.per_day_usd:
        return f"${budget.per_day_usd} a day"
    if budget.per_month_usd is not None and months[day.replace(day=1)] > budget.per_month_usd:
        return f"${budget.per_month_usd} a month"
    return None
