"""All that can go wrong, in one tree: each class knows its message, its HTTP status and whether a retry helps.

Translated at two edges only: the worker's interceptor makes Temporal failures of them, the command line one line.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from .usage import Usage


class LongtailError(Exception):
    """Something Longtail can name went wrong.

    Attributes:
        status: the HTTP status an API answers with.
        retryable: whether the same attempt may succeed later, unchanged.
        retry_after: how long the other side asked to wait, if it did.
    """

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from the state, since subclasses take facts and not a message."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(cls: type[LongtailError], args: tuple[object, ...], state: dict[str, object]) -> LongtailError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


# --- what a person got wrong -----------------------------------------------------------------------------------------


class InputInvalid(LongtailError):
    """A value cannot be used: names the field, the value and the remedy."""

    status = 422

    def __init__(self, field: str, value: object, remedy: str) -> None:
        super().__init__(f"{field}: {value!r} cannot be used: {remedy}")


class SettingsInvalid(LongtailError):
    """The environment or .env holds a value that cannot be used."""

    status = 422

    def __init__(self, problems: str) -> None:
        super().__init__(f"settings cannot be used: {problems} (see .env.example)")


class FileInvalid(LongtailError):
    """A file that was handed in cannot be read: names the file, the place and the remedy. Nothing was kept."""

    status = 422

    def __init__(self, file: str, problem: str, *, line: int | None = None) -> None:
        super().__init__(f"{file}{f', line {line}' if line else ''}: {problem}")


class NotFound(LongtailError):
    """Nothing has this name or id."""

    status = 404

    def __init__(self, noun: str, key: object, *, hint: str = "") -> None:
        super().__init__(f"no {noun} {str(key)!r}{f'; {hint}' if hint else ''}")


class Conflict(LongtailError):
    """The request does not fit the state that things are in."""

    status = 409


# --- what the surroundings lack --------------------------------------------------------------------------------------


class EngineUnavailable(LongtailError):
    """PostgreSQL or Temporal cannot be reached or started: says why and what to do next."""

    status = 503
    retryable = True


class SchemaOutdated(LongtailError):
    """The database is not at the revision that this version needs."""

    status = 503

    def __init__(self, found: str | None, wanted: str) -> None:
        super().__init__(
            f"the database is at revision {found or 'none'}, this version needs {wanted}; run: longtail db upgrade"
        )


class ModelNotConfigured(LongtailError):
    """A stage names a provider that has no key here."""

    status = 422


# --- what a model provider did ---------------------------------------------------------------------------------------


class ModelError(LongtailError):
    """A model call did not give an answer; what is known of it is kept, since it may have been paid for.

    Attributes:
        usage: what had been used when it failed: a lower bound, or None when nothing is known.
        request_id: the provider's name for the call, for its support.
        model: the one the response named, if it came that far.
    """

    status = 502

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta | None = None,
        usage: Usage | None = None,
        request_id: str | None = None,
        model: str | None = None,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.usage = usage
        self.request_id = request_id
        self.model = model


class ModelBadRequest(ModelError):
    """The provider rejects the request as it is."""


class ModelAuthenticationFailed(ModelError):
    """The provider rejects the key: no further article may try it."""


class ModelSpendLimitReached(ModelError):
    """The account's money is used up: no further article may try it."""


class ModelRateLimited(ModelError):
    """Too many requests: the provider says when to come back."""

    status = 429
    retryable = True


class ModelOverloaded(ModelError):
    """The provider has no capacity now: worth a slower retry."""

    retryable = True


class ModelUnavailable(ModelError):
    """The provider answers with a fault of its own."""

    retryable = True


class ModelUnreachable(ModelError):
    """No connection, or it broke."""

    retryable = True


class ModelTimedOut(ModelError):
    """No answer in time."""

    status = 504
    retryable = True


class ModelStreamTruncated(ModelError):
    """The stream ended without saying why: not an answer."""

    retryable = True


class ModelResponseMalformed(ModelError):
    """What arrived is not the provider's protocol."""

    retryable = True


class ModelRefused(ModelError):
    """The model declines to write about this: the same prompt is never sent again."""


HALTING = (ModelAuthenticationFailed, ModelSpendLimitReached, ModelNotConfigured)
"""After one of these a batch starts no further article: each would fail alike."""


# --- what an agent produced ------------------------------------------------------------------------------------------


class OutputRejected(LongtailError):
    """An answer breaks the rules even after its one repair.

    Attributes:
        violations: one line a broken rule, as the repair prompt had them.
    """

    status = 422

    def __init__(self, stage: str, violations: Sequence[str]) -> None:
        super().__init__(f"stage {stage}: {len(violations)} rule(s) broken after repair: {'; '.join(violations)}")
        self.violations = tuple(violations)


class OutputTruncated(LongtailError):
    """An answer hit its token limit and could not be completed within the allowed continuations."""

    status = 422


class ArtefactTooLarge(LongtailError):
    """An artefact is too large for workflow history; it is stored, and it stays out of history."""

    status = 413
