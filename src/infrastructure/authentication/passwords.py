"""Passwords as credentials: hashed by argon2id, slowly and on purpose."""

import asyncio
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from pydantic import SecretStr

from src.domain.login import LONGEST_PASSWORD, normalised, random_password

_AT_ONCE = 2  # of 64 MiB and some 50 ms on four threads each: a flood of logins leaves memory and processor to others


class Passwords:
    """Makes and verifies hashes, beside the event loop.

    A few at once. One for each process: it is what bounds them.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()  # RFC 9106, section 4: the second recommended choice
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: SecretStr) -> str:
        """Return the hash under which a password is stored."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, normalised(password))

    async def verify(self, password: SecretStr, stored: str | None) -> bool:
        """Return whether this is the password of the stored hash.

        Without one it takes as long, so that the time tells nobody who has a password.
        """
        async with self._turns:
            return await asyncio.to_thread(self._verify, password, stored)

    def is_outdated(self, stored: str) -> bool:
        """Return whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, password: SecretStr, stored: str | None) -> bool:
        nobodys = self._of_nobody  # before any answer, since the first one has to make it
        if len(password.get_secret_value()) > LONGEST_PASSWORD:
            password, stored = SecretStr(""), None  # none of ours
        try:
            self._hasher.verify(stored or nobodys, normalised(password))
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False
        return stored is not None

    @cached_property
    def _of_nobody(self) -> str:
        return self._hasher.hash(normalised(random_password()))
