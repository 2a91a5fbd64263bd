"""A worker's sign of life.

A file that its event loop writes, and that a probe reads. The probe is a process of its own, so it sees a loop that
hangs and a process that was stopped. It imports neither Temporal's library nor a database's. Each worker of a home has
a file of its own.
"""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from . import process

BEAT = timedelta(seconds=2)
PATIENCE = timedelta(seconds=20)  # below the usual interval of health checks, above any pause of the loop
_FOLDER = "workers"


@dataclass(frozen=True, kw_only=True)
class SignOfLife:
    """What a worker wrote last.

    Attributes:
        process_started_at: seconds since 1970, as the system has it.
        polls: it takes tasks.
        is_draining: it takes nothing new.
        database_answers: its last beat reached the database.
        patience: seconds without a beat after which it hangs.
        beaten_at: seconds on the machine's monotonic clock, so that a change of the wall clock changes nothing.
    """

    instance: str
    colour: str
    pid: int
    process_started_at: float
    polls: bool
    is_draining: bool
    database_answers: bool
    patience: float
    beaten_at: float

    @property
    def age(self) -> float:
        """Return how many seconds ago it was written."""
        return time.monotonic() - self.beaten_at

    @property
    def has_ended(self) -> bool:
        """Return whether its process is gone."""
        return process.has_ended(self.pid, self.process_started_at)

    @property
    def is_alive(self) -> bool:
        """Return whether its process is there and its event loop moves."""
        return not self.has_ended and 0 <= self.age < self.patience

    @property
    def is_ready(self) -> bool:
        """Return whether it takes tasks and the database answers."""
        return self.is_alive and self.polls and not self.is_draining and self.database_answers


async def keep_writing(home: Path, look: Callable[[], SignOfLife], *, every: timedelta = BEAT) -> None:
    """Write what ``look`` returns until cancelled, then take the file away.

    A home that cannot be written to ends no worker: its probe fails.
    """
    for file, sign in _read(home):
        if sign.has_ended:
            file.unlink(missing_ok=True)
    file = home / _FOLDER / f"{_here()}-{os.getpid()}.json"
    try:
        while True:
            with suppress(OSError):
                _write(file, look())
            await asyncio.sleep(every.total_seconds())
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def read_all(home: Path) -> list[SignOfLife]:
    """Return the signs of life of a home's workers on this machine.

    Those of processes that are gone are among them, unless they ended in order. Of another container that has the same
    home nothing is returned: its process ids mean nothing here.
    """
    return [sign for _, sign in _read(home)]


def _read(home: Path) -> list[tuple[Path, SignOfLife]]:
    found = []
    for file in sorted((home / _FOLDER).glob(f"{_here()}-*.json")):
        with suppress(OSError, ValueError, TypeError):  # taken away meanwhile, or of another version
            found.append((file, SignOfLife(**json.loads(file.read_text("utf-8")))))
    return found


def _here() -> str:
    """Return a name for what process ids count in here."""
    return hashlib.sha256(process.host().encode()).hexdigest()[:12]


def _write(file: Path, sign: SignOfLife) -> None:
    """Write it whole, or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(sign)), "utf-8")
    unfinished.replace(file)
