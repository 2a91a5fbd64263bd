"""The grace at SIGTERM follows from the longest call of the providers that are configured."""

from datetime import timedelta
from typing import Any

import pytest

from src.agents import article, keyword_analysis, outline, seo_metadata
from src.agents.language_model import LONGEST_ANSWER_TOKENS
from src.bootstrap import worker_grace
from src.infrastructure.llm.time_limits import longest_call
from src.settings import OfflineSettings, Settings

COMPATIBLE = "http://127.0.0.1:9/v1"
VENDORS_OWN = "https://api.anthropic.com"


def settings(**changes: Any) -> Settings:
    return Settings.model_construct(**changes).model_copy()


@pytest.mark.parametrize(
    ("configured", "seconds"),
    [
        ({}, 0),
        ({"offline": OfflineSettings(latency_seconds=120)}, 120),
        ({"anthropic_base_url": VENDORS_OWN}, 16_000 / 60 + 30),
        ({"openai_base_url": COMPATIBLE}, 4030),
        ({"openai_base_url": COMPATIBLE, "anthropic_base_url": VENDORS_OWN}, 4030),
        ({"openai_base_url": COMPATIBLE, "slowest_rate": 25}, 670),
    ],
)
def test_the_longest_call_is_that_of_the_slowest_provider(configured: dict[str, Any], seconds: float) -> None:
    assert longest_call(settings(**configured)) == timedelta(seconds=seconds)
    assert worker_grace(settings(**configured)) == timedelta(seconds=seconds + 10)


def test_a_grace_that_is_set_counts_and_either_is_scaled() -> None:
    assert worker_grace(settings(openai_base_url=COMPATIBLE, shutdown_grace=timedelta(seconds=5))) == timedelta(
        seconds=5
    )
    assert worker_grace(settings(shutdown_grace=timedelta(seconds=5), time_factor=0.5)) == timedelta(seconds=2.5)
    assert worker_grace(settings(openai_base_url=COMPATIBLE, time_factor=0.1)) == timedelta(seconds=404)


def test_a_key_that_cannot_be_one_stops_no_worker() -> None:
    broken = Settings.load(openai_api_key="clé", openai_base_url=COMPATIBLE, anthropic_base_url=VENDORS_OWN)
    assert longest_call(broken) == timedelta(seconds=16_000 / 60 + 30)


def test_no_prompt_asks_for_more_than_the_longest_answer() -> None:
    """The cap of an answer that was cut off is doubled once."""
    caps = [2 * stage.MAX_OUTPUT_TOKENS for stage in (keyword_analysis, outline, seo_metadata)]
    assert max(*caps, article.MAX_OUTPUT_TOKENS) == LONGEST_ANSWER_TOKENS
