"""Counts failed logins, and says when the next try is taken.

A try is counted before the password is looked at and taken back once it was right: a thousand tries at the same moment
are a thousand counted ones.
"""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from src.domain.errors import TooManyLogins
from src.domain.login import KNOWN_FOR, QUIET, network_of, one_more, wait_after
from src.domain.person import is_name
from src.domain.session import Subject
from src.infrastructure.database.unit_of_work import UnitOfWork

_NO_NAME = "-"  # all texts that nobody can be called are one: a password in the wrong field is not kept


class Try(BaseModel):
    """A login that was counted.

    Attributes:
        counted: under which subjects.
        failed_before: how often a login of this name has failed since its count began.
        wait: how long the next one has to wait if this fails.
    """

    model_config = ConfigDict(frozen=True)

    counted: dict[Subject, str]
    failed_before: int
    wait: timedelta


async def count_try(uow: UnitOfWork, name: str, address: str | None) -> Try:
    """Count a login under its name and its address. Raises TooManyLogins.

    Names that nobody has are counted alike. From an address that the person has logged in from, the name is not
    counted: whoever guesses at it elsewhere cannot lock it for him.
    """
    now = datetime.now(UTC)
    await uow.failed_logins.lock()
    await uow.failed_logins.forget(before=now - QUIET)
    counted = await _subjects(uow, name, address)
    before = {kind: await uow.failed_logins.find(kind, subject) for kind, subject in counted.items()}
    if wait := _longest({kind: wait_after(kind, failures, now) for kind, failures in before.items()}):
        raise TooManyLogins(wait)
    after = {kind: one_more(failures, now) for kind, failures in before.items()}
    for kind, failures in after.items():
        await uow.failed_logins.set(kind, counted[kind], failures)
    named = await uow.failed_logins.find(Subject.NAME, name) if is_name(name) else None
    return Try(
        counted=counted,
        failed_before=named.count - (Subject.NAME in counted) if named else 0,
        wait=_longest({kind: wait_after(kind, after[kind], now) for kind in after}),
    )


async def take_back(uow: UnitOfWork, made: Try) -> None:
    """Forget a try whose password was right.

    The name starts anew, since who knows its password is no guesser. Of the address only this try is taken back:
    somebody with an account could else log in between his guesses at others. From an address that is known the name's
    count stays as it is: else each login of the owner would give new tries to whoever guesses elsewhere.
    """
    await uow.failed_logins.lock()
    for kind, subject in made.counted.items():
        if kind is Subject.NAME:
            await uow.failed_logins.clear(kind, subject)
        else:
            await uow.failed_logins.take_back(kind, subject)


async def clear_name(uow: UnitOfWork, name: str) -> None:
    """Start the name's count anew: its person has a new password."""
    await uow.failed_logins.lock()
    await uow.failed_logins.clear(Subject.NAME, name)


async def _subjects(uow: UnitOfWork, name: str, address: str | None) -> dict[Subject, str]:
    known = await uow.sessions.list_addresses(name if is_name(name) else _NO_NAME, since=KNOWN_FOR)
    here = network_of(address) if address else None
    subjects = {Subject.ADDRESS: here} if here else {}
    if here is None or here not in {network_of(each) for each in known}:
        subjects[Subject.NAME] = name if is_name(name) else _NO_NAME
    return subjects


def _longest(waits: dict[Subject, timedelta]) -> timedelta:
    return max(waits.values(), default=timedelta())
