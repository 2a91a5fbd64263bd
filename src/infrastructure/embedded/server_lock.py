"""Several processes share one server.

The first starts it, the last one out stops it.

Every user holds a shared lock, which the kernel drops however the user ends. A user that can make it exclusive when it
leaves is the last. A second lock, the gate, is held only while a process starts, joins or stops it.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from src.domain.errors import EngineUnavailable

from .data_dir import explained
from .process import POLL_SECONDS

Server = TypeVar("Server")

_GATE_SECONDS = 180  # longer than the slowest start


@contextmanager
def shared(folder: Path, *, start: Callable[[], Server], stop: Callable[[], None]) -> Iterator[Server]:
    """Yield a shared server, which the last user stops."""
    with explained(folder):
        users = (folder / "users.lock").open("ab")
    with users:
        try:
            with explained(folder), _gate(folder):
                fcntl.flock(users, fcntl.LOCK_SH)
                server = start()
            yield server
        finally:  # after a start that failed or was interrupted, too
            with explained(folder), _gate(folder):
                if _locked(users):
                    stop()


@contextmanager
def _gate(folder: Path) -> Iterator[None]:
    deadline = time.monotonic() + _GATE_SECONDS
    with (folder / "gate.lock").open("ab") as gate:
        while not _locked(gate):
            if time.monotonic() > deadline:
                raise EngineUnavailable(
                    f"another process has been starting or stopping the server in {folder} for minutes"
                )
            time.sleep(POLL_SECONDS)
        yield


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
