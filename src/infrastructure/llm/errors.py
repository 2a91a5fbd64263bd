"""Translate failures of providers, SDKs and networks into our errors.

Codes and types are read before the status: quota exhaustion arrives as 429, failures inside a stream as 200. Messages
are for people only, capped and without the key; nothing of an SDK leaves this folder.
"""

import email.utils
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2

from src.domain.errors import (
    ModelAuthenticationFailed,
    ModelBadRequest,
    ModelError,
    ModelNotFound,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelResponseMalformed,
    ModelSpendLimitReached,
    ModelStreamTruncated,
    ModelTimedOut,
    ModelUnavailable,
    ModelUnreachable,
)

from .endpoint import CHECK_SECONDS, Endpoint
from .model_choice import VARIABLES
from .partial_response import PartialResponse

MESSAGE_LENGTH = 300
LONGEST_WAIT = timedelta(days=31)  # only so that a nonsense header overflows nothing; workers clamp further
_KEYS = re.compile(r"\b(?:sk|rk|pk|key)-[\w*.\-]{4,}")  # also as vendors mask them: sk-proj-****abcd

# What the SDKs' lenient parsing raises, while a stream is read, for an event that is no JSON or lacks a field.
NOT_THE_PROTOCOL = (json.JSONDecodeError, UnicodeDecodeError, AttributeError, IndexError, TypeError)

_PAGES = ("text/html", "application/xhtml+xml")

_BY_NAME: dict[str, type[ModelError]] = {
    # Anthropic, by its error codes and then its types
    "contract_spend_limit_reached": ModelSpendLimitReached,
    "enforced_spend_limit_reached": ModelSpendLimitReached,
    "linked_organization_spend_limit_reached": ModelSpendLimitReached,
    "linked_organization_billing_unavailable": ModelSpendLimitReached,
    "billing_error": ModelSpendLimitReached,
    "organization_on_hold": ModelAuthenticationFailed,
    "authentication_error": ModelAuthenticationFailed,
    "permission_error": ModelAuthenticationFailed,
    "rate_limit_error": ModelRateLimited,
    "overloaded_error": ModelOverloaded,
    "timeout_error": ModelTimedOut,
    "request_too_large": ModelBadRequest,
    # OpenAI, likewise
    "insufficient_quota": ModelSpendLimitReached,
    "billing_hard_limit_reached": ModelSpendLimitReached,
    "billing_not_active": ModelSpendLimitReached,
    "invalid_api_key": ModelAuthenticationFailed,
    "account_deactivated": ModelAuthenticationFailed,
    "rate_limit_exceeded": ModelRateLimited,
    "overloaded": ModelOverloaded,
    "slow_down": ModelOverloaded,
    "server_overloaded": ModelOverloaded,
    "context_length_exceeded": ModelBadRequest,
    "model_not_found": ModelNotFound,
    "content_filter": ModelRefused,
    "content_policy_violation": ModelRefused,
    "invalid_prompt": ModelRefused,  # the prompt was flagged
}
_BY_STATUS: dict[int, type[ModelError]] = {
    401: ModelAuthenticationFailed,
    402: ModelSpendLimitReached,
    403: ModelAuthenticationFailed,
    408: ModelTimedOut,
    409: ModelUnavailable,
    429: ModelRateLimited,
    501: ModelBadRequest,
    504: ModelTimedOut,
    529: ModelOverloaded,
}
_VAGUE: dict[str, type[ModelError]] = {  # types that are less specific than a status
    "invalid_request_error": ModelBadRequest,
    "not_found_error": ModelBadRequest,
}


def classify(status: int, names: Iterable[str | None]) -> type[ModelError]:
    """Choose the error for an answer.

    A status below 300 means that the stream reported an error.
    """
    known = [name.lower() for name in names if name]
    for name in known:
        if name in _BY_NAME:
            return _BY_NAME[name]
    status = _status_in(known) if status < 300 else status
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 300 <= status < 500:
        return ModelBadRequest
    return next((_VAGUE[name] for name in known if name in _VAGUE), ModelUnavailable)


def _status_in(names: Iterable[str]) -> int:
    # compatible servers name the status as the code of an error event
    return next((int(name) for name in names if re.fullmatch(r"[3-5]\d\d", name)), 0)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> timedelta | None:
    """Return the wait that the provider requests.

    ``retry-after-ms``, else ``retry-after`` in seconds or as a date.
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return min(timedelta(milliseconds=milliseconds), LONGEST_WAIT)
    value = headers.get("retry-after")
    if (seconds := _number(value)) is not None:
        return min(timedelta(seconds=seconds), LONGEST_WAIT)
    try:
        then = email.utils.parsedate_to_datetime(value or "")
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return min(max(then - (now or datetime.now(UTC)), timedelta(0)), LONGEST_WAIT)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return min(number, LONGEST_WAIT.total_seconds() * 1000) if math.isfinite(number) and number >= 0 else None


@dataclass(frozen=True)
class ErrorBuilder:
    """Builds errors from one call's failure and its facts.

    Attributes:
        seconds: how long the call may take.
        asked: the model's name.
    """

    endpoint: Endpoint
    received: PartialResponse = field(default_factory=PartialResponse)
    seconds: float = CHECK_SECONDS
    asked: str = ""

    def answered(
        self, *, status: int, names: Iterable[str | None], message: object, headers: Mapping[str, str]
    ) -> ModelError:
        """Return the error that the provider answered with."""
        codes = [name for name in names if name]
        if where := self._redirection(status, headers):
            variable = VARIABLES[self.endpoint.provider][1]
            return self._error(
                ModelBadRequest, f"redirects (HTTP {status}) to {where}; set {variable} to an address there"
            )
        kind = classify(status, codes)
        if kind is ModelBadRequest and status == 404 and self.asked and self.asked in str(message):
            kind = ModelNotFound  # not all have a code for it; of a wrong path no message names the model
        where = f"HTTP {status}" if status >= 300 else "inside the stream"
        what = " ".join([where, *dict.fromkeys(codes)])
        if kind is ModelAuthenticationFailed:  # the provider's own words may quote the key
            remedy = f"rejects the key ({what}); correct" if self.endpoint.has_key else f"wants a key ({what}); set"
            return self._error(kind, f"{remedy} {self.endpoint.key_variable}", headers)
        return self._error(kind, f"{what}: {self.clean(message)}", headers)

    def _redirection(self, status: int, headers: Mapping[str, str]) -> str | None:
        """Return where an answer redirects, without path and query."""
        if not (300 <= status < 400 and "location" in headers):
            return None
        try:
            url = httpx2.URL(self.endpoint.base_url).join(headers["location"])
        except (httpx2.InvalidURL, ValueError):
            return None
        return str(url.copy_with(userinfo=b"", raw_path=b"", fragment=None))  # host only: the rest may be secret

    def unanswered(self, error: BaseException) -> ModelError:
        """Return the error of a network that failed."""
        if isinstance(error, httpx2.PoolTimeout):
            slots = f"all {self.endpoint.connections} connections of this worker are busy; lower LONGTAIL_MODEL_SLOTS"
            return self._error(ModelUnreachable, slots)
        if isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout):
            return self._error(ModelTimedOut, f"was silent for too long ({type(error).__name__})")
        if isinstance(error, httpx2.LocalProtocolError):  # its text can hold the key: an illegal header
            return self._error(ModelBadRequest, f"was never asked: {self.endpoint.key_variable} is no possible header")
        begun = "broke off" if self.received.model or self.received.request_id else "cannot be reached"
        kind = ModelStreamTruncated if self.received.has_content else ModelUnreachable  # what was written is paid for
        return self._error(kind, f"{begun} ({type(error).__name__}: {self.clean(error)})")

    def interrupted(self, error: BaseException) -> ModelError:
        """Return the error of a call that ended without a vendor's answer."""
        if isinstance(error, httpx2.HTTPError):
            return self.unanswered(error)
        return self.timed_out() if isinstance(error, TimeoutError) else self.malformed(error)

    def timed_out(self) -> ModelError:
        """Return the error of a call that took too long."""
        limit = f"{self.seconds:.0f} s, the time of the longest answer at {self.endpoint.rate:g} tokens/s"
        return self._error(ModelTimedOut, f"did not finish within {limit} (LONGTAIL_SLOWEST_RATE)")

    def malformed(self, error: BaseException) -> ModelError:
        """Return the error of a response that breaks the protocol."""
        match error:
            case json.JSONDecodeError():
                what = "an event that is no JSON"
            case UnicodeDecodeError():
                what = "an event that is no UTF-8"
            case _:
                what = "an event without the fields of its protocol"
        return self._error(ModelResponseMalformed, f"sent a broken event stream: {what}")

    def require_no_page(self) -> None:
        """Raise ModelUnavailable if the server answers with a page for people.

        Something else than the provider answers, such as a gateway or a captive portal: nothing was paid for.
        """
        kind = self.received.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _PAGES:
            return
        variable = VARIABLES[self.endpoint.provider][1]
        raise self._error(
            ModelUnavailable,
            f"answered with an HTML page instead of an event stream (HTTP 200): a gateway or a login page may stand "
            f"before it; check {variable}",
            self.received.headers,
        )

    def nothing(self) -> ModelError:
        """Return the error of a stream without events."""
        return self._error(ModelStreamTruncated, "sent a stream without an answer")

    def clean(self, message: object) -> str:
        """Return ``message`` on one line, capped, without a key."""
        line = " ".join(str(message).split()).replace(self.endpoint.api_key, "[key]")
        line = _KEYS.sub("[key]", line)
        return line if len(line) <= MESSAGE_LENGTH else line[: MESSAGE_LENGTH - 1] + "…"

    def _error(self, kind: type[ModelError], what: str, headers: Mapping[str, str] | None = None) -> ModelError:
        return kind(
            f"{self.endpoint.provider} at {self.endpoint.address} {what}",
            retry_after=retry_after(headers) if headers else None,
            usage=self.received.usage,
            request_id=self.received.request_id,
            model=self.received.model,
        )
