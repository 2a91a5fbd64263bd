"""Limits of providers are shown by host and model."""

from datetime import UTC, datetime
from typing import cast

from prometheus_client import CollectorRegistry

from src.domain.rate_limit import ProviderLimit
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.limit_metrics import LimitMetrics
from src.infrastructure.llm.limits import Limits

ENDPOINT = "https://api.openai.com/v1"


def shown(limits: Limits, name: str, model: str = "gpt-6-luna") -> float | None:
    registry = CollectorRegistry()
    registry.register(LimitMetrics(limits, lambda model: model if model == "gpt-6-luna" else "other"))
    return registry.get_sample_value(f"longtail_provider_{name}", {"endpoint": "api.openai.com", "model": model})


async def test_a_model_without_a_known_limit_is_allowed_everything() -> None:
    limits = Limits(cast(Database, None), slots=8)
    assert shown(limits, "requests_allowed_per_second") is None  # nobody asked it yet
    gate = limits.gate(ENDPOINT, "gpt-6-luna")
    assert shown(limits, "requests_allowed_per_second") == float("inf")
    assert (shown(limits, "outages"), shown(limits, "turns_waiting")) == (0, 0)
    gate.learn(ProviderLimit(rate=2.5, outages=3, closed_until=datetime(2026, 12, 1, tzinfo=UTC)))
    assert shown(limits, "requests_allowed_per_second") == 2.5
    assert shown(limits, "outages") == 3


async def test_of_models_that_are_no_labels_the_tightest_is_shown() -> None:
    limits = Limits(cast(Database, None), slots=8)
    for model, rate in (("site-a", 9.0), ("site-b", 0.5), ("site-c", None)):
        limits.gate(ENDPOINT, model).learn(ProviderLimit(rate=rate))
    assert shown(limits, "requests_allowed_per_second", "other") == 0.5
