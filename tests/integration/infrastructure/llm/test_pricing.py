"""Prices of calls, and calls without a known price."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from src.domain.usage import Usage
from src.infrastructure.llm.pricing import price

AT = datetime(2026, 11, 21, tzinfo=UTC)
USAGE = Usage(input_tokens=2_000, output_tokens=1_000)


@pytest.mark.parametrize(
    ("provider", "model", "dollars"),
    [
        ("anthropic", "claude-haiku-5-5", "0.0007"),
        ("anthropic", "claude-haiku-5-5-20261007", "0.0007"),
        ("anthropic", "claude-sonnet-5-5", "0.014"),
        ("openai", "gpt-6-luna", "0.0007"),
        ("openai", "gpt-6.1-terra", "0.007"),
        ("offline", "offline-template", "0"),
    ],
)
def test_known_models_have_a_price(provider: str, model: str, dollars: str) -> None:
    assert price(provider, model, USAGE, AT) == Decimal(dollars)


@pytest.mark.parametrize(
    ("provider", "model"), [("anthropic", "claude-haiku-9"), ("openai", "smollm2-135m"), ("x", "y")]
)
def test_an_unknown_model_has_no_price_rather_than_none_to_pay(provider: str, model: str) -> None:
    assert price(provider, model, USAGE, AT) is None


def test_a_call_that_was_not_counted_has_no_price() -> None:
    assert price("openai", "gpt-6-luna", Usage(), AT) is None


def test_cached_input_is_cheaper_and_counted_once() -> None:
    cached = price("anthropic", "claude-sonnet-5-5", Usage(input_tokens=2_000, cache_read_tokens=2_000), AT)
    assert cached == Decimal("0.0002")


def test_tiers_apply_to_each_call() -> None:
    small, large = (price("anthropic", "claude-haiku-5-5", Usage(input_tokens=n), AT) for n in (100_000, 100_001))
    assert small is not None
    assert large is not None
    assert large > 4 * small
