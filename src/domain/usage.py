"""Usage and cost of model calls.

Tokens by kind, and money only where the price is known.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer


def in_digits(amount: Decimal) -> str:
    """Format an amount for scripts.

    No exponent, no zeros at its end.
    """
    return f"{amount.normalize():f}"


Dollars = Annotated[Decimal, PlainSerializer(in_digits, return_type=str, when_used="json")]
"""An amount in USD; in JSON it is text in digits."""


class Usage(BaseModel):
    """Tokens of one call.

    ``input_tokens`` is the total, cached parts included, however the vendor counts.
    """

    model_config = ConfigDict(frozen=True)

    input_tokens: int = Field(default=0, ge=0)
    cache_read_tokens: int = Field(default=0, ge=0)  # part of input_tokens
    cache_write_tokens: int = Field(default=0, ge=0)  # part of input_tokens
    output_tokens: int = Field(default=0, ge=0)  # thinking included


class Spend(BaseModel):
    """Total usage of several calls.

    ``cost_usd`` sums the priced calls only; ``unpriced_calls`` counts those left out.
    """

    model_config = ConfigDict(frozen=True)

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Dollars = Decimal(0)
    unpriced_calls: int = 0


class CallStatus(StrEnum):
    """Outcome of a model call, as recorded in the ledger."""

    OPEN = "open"  # committed before the call; still so after a crash: maybe paid, answer unknown
    ANSWERED = "answered"  # paid, the answer is kept and found again
    DISCARDED = "discarded"  # paid and kept, but rejected for good: a retry calls the model again
    FAILED = "failed"
    LOST = "lost"  # was open when the next attempt began, or the article ended
