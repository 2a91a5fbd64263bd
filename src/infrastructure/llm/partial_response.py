"""Partial response: the part of an answer received so far.

Enough to account for a call that breaks half-way, and at its end the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from src.agents.language_model import CallCancelled, Completion, Prompt, StopReason
from src.domain.errors import (
    ModelError,
    ModelOverloaded,
    ModelStreamTruncated,
    ModelTimedOut,
    ModelUnavailable,
    ModelUnreachable,
)
from src.domain.usage import Usage
from src.quality.manuscript import has_complete_section

log = structlog.get_logger()

# After these the text that arrived is the model's own, as far as it goes.
_BREAKS = (ModelOverloaded, ModelStreamTruncated, ModelTimedOut, ModelUnavailable, ModelUnreachable)


@dataclass(kw_only=True)
class PartialResponse:
    """The part of a response received so far."""

    model: str | None = None  # as the response names it
    request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    has_content: bool = False  # text, or reasoning that no reader sees: either is paid for
    stop_reason: StopReason | None = None
    refusal: str | None = None
    usage: Usage | None = None

    def completion(
        self, prompt: Prompt, *, provider: str, asked: str, broken_by: ModelError | None = None
    ) -> Completion:
        """Return the answer of ``asked``.

        Of one that broke off, its complete lines, if the prompt can be resumed and a section of them is complete.

        Raises ``broken_by``, or ModelStreamTruncated when the stream ended without a stop reason. Either says whether
        content had come, which is paid for.
        """
        if self.stop_reason is not None:
            return self._completion(self.text, self.stop_reason, asked)
        error = broken_by or ModelStreamTruncated(
            f"{provider}: the stream ended after {len(self.text)} characters without a stop reason",
            usage=self.usage,
            request_id=self.request_id,
            model=self.model,
        )
        error.has_content = self.has_content
        lines = self.text.rpartition("\n")[0]  # half a line may read as a heading
        if not (prompt.resumable and isinstance(error, _BREAKS) and has_complete_section(lines)):
            raise error from None
        log.warning("model_answer_broke_off", error=type(error).__name__, characters=len(lines))
        return self._completion(lines, StopReason.TRUNCATED, asked)

    def raise_cancelled(self) -> None:
        """Raise CallCancelled if a usage is known."""
        if self.usage is not None:
            raise CallCancelled(self.usage, model=self.model, request_id=self.request_id) from None

    def _completion(self, text: str, stop_reason: StopReason, asked: str) -> Completion:
        return Completion(
            text=text,
            stop_reason=stop_reason,
            model=self.model or asked,
            usage=self.usage or Usage(),
            is_counted=self.usage is not None,
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
