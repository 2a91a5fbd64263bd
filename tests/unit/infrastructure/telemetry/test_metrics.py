"""Metrics count what happened, and never have many series."""

import pytest
from prometheus_client import generate_latest

from src.domain.stages import Stage
from src.domain.usage import CallStatus
from src.infrastructure.telemetry.metrics import ApiMetrics, WorkerMetrics
from src.settings import Settings

from .calls import answered, asked


@pytest.fixture
def metrics() -> WorkerMetrics:
    return WorkerMetrics(Settings.model_construct(model_slots=4))


def value(metrics: WorkerMetrics | ApiMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


CALL = {"provider": "openai", "model": "gpt-6.1-terra", "stage": "C"}


def test_a_call_is_counted_with_its_tokens_and_its_cost(metrics: WorkerMetrics) -> None:
    metrics.call_closed(asked(), answered())
    assert value(metrics, "longtail_model_calls_total", **CALL, status="answered") == 1
    assert value(metrics, "longtail_model_call_seconds_sum", **CALL) == 1.5
    assert value(metrics, "longtail_cost_usd_total", **CALL) == 0.0125
    kinds = ("input", "cache_read", "cache_write", "output")
    counts = [value(metrics, "longtail_tokens_total", **CALL, kind=kind) for kind in kinds]
    assert counts == [30, 60, 10, 50]  # they add up to what the provider counted
    assert value(metrics, "longtail_unpriced_calls_total", **CALL) is None


def test_a_call_of_unknown_cost_is_not_counted_as_free(metrics: WorkerMetrics) -> None:
    metrics.call_closed(asked(), answered(status=CallStatus.FAILED, cost_usd=None, error_type="ModelTimedOut"))
    assert value(metrics, "longtail_unpriced_calls_total", **CALL) == 1
    assert value(metrics, "longtail_cost_usd_total", **CALL) is None
    assert value(metrics, "longtail_model_call_errors_total", **CALL, cause="ModelTimedOut") == 1


def test_models_that_sites_name_are_at_most_sixteen_series_and_one(metrics: WorkerMetrics) -> None:
    for number in range(100):
        metrics.call_closed(asked(model=f"model-{number}"), answered())
    metrics.call_closed(asked(model="claude-haiku-5-5"), answered())  # the settings name it
    family = next(each for each in metrics.registry.collect() if each.name == "longtail_model_calls")
    counted = {sample.labels["model"]: sample.value for sample in family.samples}
    assert len(counted) == 16 + 2
    assert counted["other"] == 84
    assert counted["claude-haiku-5-5"] == 1


def test_errors_of_libraries_are_one_cause(metrics: WorkerMetrics) -> None:
    metrics.stage_failed(Stage.OUTLINE, "ModelRateLimited", is_final=False)
    metrics.stage_failed(Stage.OUTLINE, "KeyError", is_final=False)
    metrics.stage_failed(Stage.OUTLINE, "ModelBadRequest", is_final=True)
    causes = ("ModelRateLimited", "other")
    assert [value(metrics, "longtail_stage_retries_total", stage="B", cause=cause) for cause in causes] == [1, 1]
    assert value(metrics, "longtail_stage_failures_total", stage="B", cause="ModelBadRequest") == 1


def test_slots_are_in_use_while_a_stage_is_made(metrics: WorkerMetrics) -> None:
    assert value(metrics, "longtail_model_slots") == 4
    with metrics.slot_used(), metrics.slot_used():
        assert value(metrics, "longtail_model_slots_used") == 2
    assert value(metrics, "longtail_model_slots_used") == 0


def test_what_somebody_makes_up_is_no_series_of_its_own() -> None:
    metrics = ApiMetrics(Settings.model_construct())
    for number in range(50):
        metrics.request_served(operation=None, method=f"MADE-UP-{number}", status=404, seconds=0.1)
    labels = {"operation": "other", "method": "other", "status": "404"}
    assert value(metrics, "longtail_http_requests_total", **labels) == 50
    assert b"MADE-UP" not in generate_latest(metrics.registry)
