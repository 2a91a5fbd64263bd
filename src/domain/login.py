"""Logging in: how passwords look, and how failures slow it down.

Failures are counted by the name that was given and by the address of the request, each apart. A name that somebody
guesses at is slowed for all addresses but those from which it has logged in: nobody can lock it for its owner.
"""

import ipaddress
import secrets
import unicodedata
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, SecretStr

from .errors import InputInvalid
from .session import Subject

SHORTEST_PASSWORD = 12  # characters
LONGEST_PASSWORD = 200  # more would only be work for the hash
QUIET = timedelta(hours=24)  # after this long without a failure a count starts anew
KNOWN_FOR = timedelta(days=90)  # an address from which a person logged in is his this long

_FREE = {Subject.NAME: 3, Subject.ADDRESS: 20}  # failures without a wait; many people may share an address
_LONGEST = {Subject.NAME: timedelta(seconds=60), Subject.ADDRESS: timedelta(minutes=15)}
_MOST_DOUBLINGS = 20  # far above the longest waits, and far below what a timedelta holds

_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that is mistaken for another when read aloud or copied
_GROUPS, _GROUP = 4, 5  # 20 of 31 letters: 99 random bits
_HOST_BITS = 64  # of an IPv6 address that one subscriber may choose freely


class Failures(BaseModel):
    """How often logins failed since it was quiet."""

    model_config = ConfigDict(frozen=True)

    count: int
    last_at: datetime


def wait_after(subject: Subject, failures: Failures | None, now: datetime) -> timedelta:
    """Return how long the next try has to wait.

    After the free failures it is 1, 2, 4 … seconds from the last one, up to the subject's longest.
    """
    if failures is None or now - failures.last_at > QUIET or failures.count < _FREE[subject]:
        return timedelta()
    doublings = min(failures.count - _FREE[subject], _MOST_DOUBLINGS)
    pause = min(timedelta(seconds=2**doublings), _LONGEST[subject])
    return max(timedelta(), failures.last_at + pause - now)


def one_more(failures: Failures | None, now: datetime) -> Failures:
    """Return the count with a failure of now."""
    if failures is None or now - failures.last_at > QUIET:
        return Failures(count=1, last_at=now)
    return Failures(count=failures.count + 1, last_at=now)


def network_of(address: str) -> str:
    """Return what counts as one address: of IPv6 the subscriber's network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _HOST_BITS), strict=False))


def parse_password(password: SecretStr, field: str = "password") -> SecretStr:
    """Return a password that may be set.

    Raises InputInvalid, which does not hold it.
    """
    text = password.get_secret_value()
    if not SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD:
        remedy = f"write {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; three or four words do well"
        raise InputInvalid(field, f"{len(text)} characters", remedy, reason="out_of_range")
    return password


def normalised(password: SecretStr) -> bytes:
    """Return the bytes that are hashed: alike from every keyboard."""
    return unicodedata.normalize("NFC", password.get_secret_value()).encode()


def random_password() -> SecretStr:
    """Return a password that can be read aloud, of 99 random bits."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return SecretStr("-".join(groups))
