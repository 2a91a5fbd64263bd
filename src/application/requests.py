"""Carries a request out once, however often it arrives under its key."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from src.domain.errors import Conflict, ConflictReason, InputInvalid
from src.domain.principal import Principal
from src.infrastructure.database.idempotency_keys import KeptRequest
from src.infrastructure.database.unit_of_work import Database

KEPT = timedelta(days=1)
_LONGEST = timedelta(minutes=10)  # no request takes so long: one without an answer by then never gets one


class Answer(BaseModel):
    """What a request was answered."""

    model_config = ConfigDict(frozen=True)

    status: int
    headers: dict[str, str]
    body: str | None  # None: it held a secret and is not kept


class Requests:
    """Requests of one person that have keys."""

    def __init__(self, database: Database, *, by: Principal) -> None:
        self._database = database
        self._person = by.name

    async def begin(self, key: str, fingerprint: str, *, is_repeatable: bool = False) -> Answer | None:
        """Return the answer that the request got before.

        None: it is to be carried out now. One that has no answer yet is too if it ``is_repeatable``, since its use case
        keeps the key with what it does.

        Raises InputInvalid when the key was used for another request, and Conflict when that one is under way, was cut
        off, or was answered with a secret.
        """
        async with self._database.unit_of_work() as uow:
            await uow.idempotency_keys.forget(older_than=KEPT)
            if await uow.idempotency_keys.claim(self._person, key, fingerprint):
                return None
            kept = await uow.idempotency_keys.find(self._person, key)
        if kept is None:  # it was given back at this moment
            raise Conflict(ConflictReason.REQUEST_UNDER_WAY, key)
        return _answer(kept, key, fingerprint, is_repeatable=is_repeatable)

    async def finish(self, key: str, answer: Answer) -> None:
        """Keep the answer for a day."""
        async with self._database.unit_of_work() as uow:
            await uow.idempotency_keys.keep(
                self._person, key, status=answer.status, headers=answer.headers, body=answer.body
            )

    async def give_back(self, key: str) -> None:
        """Let the key be used again: the request changed nothing."""
        async with self._database.unit_of_work() as uow:
            await uow.idempotency_keys.give_back(self._person, key)


def _answer(kept: KeptRequest, key: str, fingerprint: str, *, is_repeatable: bool) -> Answer | None:
    if kept.fingerprint != fingerprint:
        raise InputInvalid("Idempotency-Key", key, "it belongs to another request; make a new one", reason="reused")
    if kept.status is None and is_repeatable:
        return None
    if kept.status is None:
        is_lost = datetime.now(UTC) - kept.claimed_at > _LONGEST
        raise Conflict(ConflictReason.REQUEST_INTERRUPTED if is_lost else ConflictReason.REQUEST_UNDER_WAY, key)
    if kept.body is None:
        raise Conflict(ConflictReason.REQUEST_ANSWERED_ONCE, key)
    return Answer(status=kept.status, headers=kept.headers or {}, body=kept.body)
