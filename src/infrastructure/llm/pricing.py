"""Prices of model calls, from the list in genai-prices.

One call at a time, since tiers apply.
"""

from datetime import datetime
from decimal import Decimal

import genai_prices

from src.domain.usage import Usage

_HIGHEST = Decimal(1_000_000)  # of one call, that the ledger's column holds; beyond it the server miscounted


def price(provider: str, model: str, usage: Usage, at: datetime) -> Decimal | None:
    """Return the cost of a call in US dollars, if known.

    It is None for an unknown model and a call without usage.
    """
    if provider == "offline":
        return Decimal(0)
    if not usage.input_tokens:  # no call reads nothing: the server did not count
        return None
    tokens = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
    )
    try:
        cost = genai_prices.calc_price(tokens, model, provider_id=provider, genai_request_timestamp=at).total_price
    except (
        LookupError,
        ValueError,
        ArithmeticError,
        TypeError,
        AttributeError,
    ):  # an answer is never lost to its price
        return None
    return cost if cost < _HIGHEST else None
