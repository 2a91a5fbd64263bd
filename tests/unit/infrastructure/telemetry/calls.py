"""A model call, as the ledger knows it."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from src.agents.language_model import Prompt
from src.domain.ids import ArticleId
from src.domain.stages import Stage
from src.domain.usage import CallStatus
from src.infrastructure.database.model_calls import CallRequest, CallResult

ARTICLE = ArticleId(UUID("7a0d5b1e-55f5-4b3a-9f0a-0d8f5a1b2c3d"))
PROMPT = Prompt(
    stage=Stage.ARTICLE,
    name="article@3",
    system="Be brief.",
    data={"keyword": "taps"},
    schema=None,
    max_output_tokens=9,
)


def asked(**changes: Any) -> CallRequest:
    request = CallRequest(
        article_id=ARTICLE,
        revision=1,
        stage=Stage.ARTICLE,
        prompt="article@3",
        prompt_hash="h",
        question="q",
        round=0,
        attempt=2,
        provider="openai",
        model="gpt-6.1-terra",
        worker="w",
    )
    return request.model_copy(update=changes)


def answered(**changes: Any) -> CallResult:
    result = CallResult(
        status=CallStatus.ANSWERED,
        latency_ms=1500,
        answer="## Taps",
        stop_reason="complete",
        request_id="r-1",
        model="gpt-6.1-terra-2026-10-01",
        input_tokens=100,
        cache_read_tokens=60,
        cache_write_tokens=10,
        output_tokens=50,
        cost_usd=Decimal("0.0125"),
    )
    return result.model_copy(update=changes)
