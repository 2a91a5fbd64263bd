"""Bad days of a model server: limits, outages, models that take nothing."""

import math

from pydantic import BaseModel, ConfigDict


class Bucket(BaseModel):
    """A limit of requests for the whole server.

    Attributes:
        rate: requests a second that it is refilled with.
        burst: requests that it holds.
        tells: whether answers name what is left in it, in OpenAI's headers.
    """

    model_config = ConfigDict(frozen=True)

    rate: float
    burst: int
    tells: bool = False


class Conditions(BaseModel):
    """What the server does beside answering.

    Attributes:
        outage: answer 503 to everything.
        refused_models: these get 429 for everything.
        missing_models: these get 404, and are not in the list.
        has_list: whether it lists its models.
    """

    model_config = ConfigDict(frozen=True)

    bucket: Bucket | None = None
    outage: bool = False
    refused_models: tuple[str, ...] = ()
    missing_models: tuple[str, ...] = ()
    has_list: bool = True


class Refusal(BaseModel):
    """An HTTP error in OpenAI's words."""

    model_config = ConfigDict(frozen=True)

    status: int
    code: str
    retry_after: int | None = None  # seconds

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that go with it."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}

    @property
    def body(self) -> dict[str, object]:
        """Return the error document."""
        return {"error": {"message": f"simulated: {self.code}", "type": self.code, "code": self.code}}


class SimulatedProvider:
    """The conditions, and what is left in their bucket."""

    def __init__(self) -> None:
        self.refused = 0
        self.change(Conditions(), now=0.0)

    def change(self, conditions: Conditions, *, now: float) -> None:
        """Let other conditions hold from ``now`` on, with a full bucket."""
        self.conditions = conditions
        self._tokens = float(conditions.bucket.burst if conditions.bucket else 0)
        self._counted_at = now

    def refuse(self, model: str, *, now: float) -> Refusal | None:
        """Return why the request is not taken, or take it."""
        refusal = self._refuse(model, now)
        self.refused += refusal is not None
        return refusal

    def headers(self) -> dict[str, str]:
        """Return what an answer tells of the bucket."""
        bucket = self.conditions.bucket
        if bucket is None or not bucket.tells:
            return {}
        full_in = (bucket.burst - self._tokens) / bucket.rate
        return {
            "x-ratelimit-limit-requests": str(bucket.burst),
            "x-ratelimit-remaining-requests": str(int(self._tokens)),
            "x-ratelimit-reset-requests": f"{full_in:.3f}s",
        }

    def _refuse(self, model: str, now: float) -> Refusal | None:
        if self.conditions.outage:
            return Refusal(status=503, code="service_unavailable")
        if model in self.conditions.missing_models:
            return Refusal(status=404, code="model_not_found")
        if model in self.conditions.refused_models:
            return Refusal(status=429, code="rate_limit_exceeded")
        bucket = self.conditions.bucket
        if bucket is None:
            return None
        self._tokens = min(bucket.burst, self._tokens + (now - self._counted_at) * bucket.rate)
        self._counted_at = now
        if self._tokens < 1:
            seconds = math.ceil((1 - self._tokens) / bucket.rate)
            return Refusal(status=429, code="rate_limit_exceeded", retry_after=seconds)
        self._tokens -= 1
        return None
