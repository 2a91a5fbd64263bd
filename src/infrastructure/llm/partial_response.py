"""Partial response: the part of an answer received so far.

Enough to account for a call that breaks half-way, and at its end the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from src.agents.language_model import Completion, StopReason
from src.domain.errors import ModelStreamTruncated
from src.domain.usage import Usage


@dataclass(kw_only=True)
class PartialResponse:
    """The part of a response received so far."""

    model: str | None = None  # as the response names it
    request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    stop_reason: StopReason | None = None
    refusal: str | None = None
    usage: Usage | None = None

    def completion(self, provider: str, asked: str) -> Completion:
        """Return the answer of ``asked``.

        Raises ModelStreamTruncated when the stream ended without a stop reason.
        """
        if self.stop_reason is None:
            raise ModelStreamTruncated(
                f"{provider}: the stream ended after {len(self.text)} characters without a stop reason",
                usage=self.usage,
                request_id=self.request_id,
                model=self.model,
            )
        return Completion(
            text=self.text,
            stop_reason=self.stop_reason,
            model=self.model or asked,
            usage=self.usage or Usage(),
            request_id=self.request_id,
            refusal=self.refusal,
            headers=self.headers,
        )


def counted(*, total: int, read: int | None, write: int | None, output: int | None) -> Usage:
    """Return the usage of one call.

    Compatible servers may report parts larger than their total, or nothing.
    """
    read, write = max(read or 0, 0), max(write or 0, 0)
    return Usage(
        input_tokens=max(total, read + write),
        cache_read_tokens=read,
        cache_write_tokens=write,
        output_tokens=max(output or 0, 0),
    )
