"""What the coming runs use up, and when something ends."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from src.domain.scheduling.forecast import Forecast, Spent, forecast_runs
from src.domain.scheduling.schedule import Pause
from src.domain.site import Budget

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DAILY = [NOW + timedelta(days=n) for n in range(1, 15)]


def forecast(slots: list[datetime] | None = None, **facts: Any) -> Forecast:
    known: dict[str, Any] = {
        "now": NOW,
        "zone": ZoneInfo("UTC"),
        "ready": 1000,
        "articles_per_run": 8,
        "article_usd": Decimal("0.25"),
        "budget": Budget(),
        "spent": Spent(),
    }
    return forecast_runs("hardware-shop", DAILY if slots is None else slots, **known | facts)


def test_each_run_takes_its_longtails_and_its_money() -> None:
    foreseen = forecast()
    assert [run.articles for run in foreseen.runs] == [8] * 14
    assert {run.cost_usd for run in foreseen.runs} == {Decimal(2)}
    assert foreseen.runs[-1].left == 1000 - 14 * 8
    assert (foreseen.longtails_run_out, foreseen.budget_runs_out) == (None, None)


def test_amounts_are_printed_in_digits() -> None:
    printed = forecast(ready=0, article_usd=Decimal("0.25000000")).model_dump(mode="json")
    assert (printed["article_usd"], printed["runs"][0]["cost_usd"]) == ("0.25", "0")
    assert forecast(article_usd=None).model_dump(mode="json")["runs"][0]["cost_usd"] is None


def test_longtails_run_out_with_the_first_run_that_finds_fewer() -> None:
    foreseen = forecast(ready=20)
    assert [(run.articles, run.left) for run in foreseen.runs[:4]] == [(8, 12), (8, 4), (4, 0), (0, 0)]
    assert foreseen.longtails_run_out == DAILY[2]
    assert forecast(ready=24).longtails_run_out == DAILY[3]
    assert forecast(ready=0).longtails_run_out == DAILY[0]


def test_an_unknown_price_is_unknown_and_breaks_no_budget() -> None:
    foreseen = forecast(article_usd=None, budget=Budget(per_day_usd=Decimal("0.01")))
    assert {run.cost_usd for run in foreseen.runs} == {None}
    assert foreseen.budget_runs_out is None


def test_a_month_counts_what_was_spent_and_begins_anew() -> None:
    foreseen = forecast(budget=Budget(per_month_usd=Decimal(10)), spent=Spent(this_month=Decimal(5)))
    broken = [run.slot.day for run in foreseen.runs if run.over_budget == "$10 a month"]
    assert broken == [28, 29, 30, 6, 7, 8, 9]  # $5 are two runs in November, $10 are five in December
    assert foreseen.budget_runs_out == DAILY[2]


def test_a_day_is_the_sites_own() -> None:
    night = [datetime(2026, 11, 25, 22, 30, tzinfo=UTC), datetime(2026, 11, 25, 23, 30, tzinfo=UTC)]
    budget = Budget(per_day_usd=Decimal(3))
    assert forecast(night, budget=budget).budget_runs_out == night[1]
    assert forecast(night, budget=budget, zone=ZoneInfo("Europe/Berlin")).budget_runs_out is None
    spent = Spent(today=Decimal(2))
    assert forecast(night, budget=budget, spent=spent).budget_runs_out == night[0]


def test_no_run_uses_nothing() -> None:
    pause = Pause(started_at=NOW, started_by="anna", note="relaunch", until=None, ended_at=None, ended_by=None)
    foreseen = forecast([], pause=pause)
    assert (foreseen.runs, foreseen.longtails_run_out, foreseen.budget_runs_out) == ((), None, None)
    assert foreseen.model_dump()["paused"] == "by anna, without an end: relaunch"
