"""Processes that outlive their parent.

Launched detached, known by their command line, stopped for good.

A pid alone is never trusted: the system may have given it to another process. The command line names the folder that a
server works on, which is more specific than a start time and needs no file.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from .account import Account

POLL_SECONDS = 0.02
_LOG_BYTES = 1_000_000
_LOG_TAIL_CHARACTERS = 2000

# The shell leaves the server to init, which reaps it even after this process ended; "$0" is the log.
_DETACH = '"$@" </dev/null >&2 & echo $!'


@dataclass(frozen=True)
class Process:
    """One living process; zombies do not count."""

    pid: int
    uid: int
    command: str


def launch(argv: Sequence[str], *, log: Path, account: Account) -> int:
    """Start a detached server and return its pid.

    Signals of the terminal and the end of this process do not reach it.
    """
    with log.open("ab") as output:
        started = account.run(["/bin/sh", "-c", _DETACH, "detach", *argv], errors_to=output)
    return int(started.stdout)


def find(pid: int) -> Process | None:
    """Return the living process with this pid."""
    if not sys.platform.startswith("linux"):
        return next(_listed("-p", str(pid)), None)
    folder = Path("/proc", str(pid))
    try:
        state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        command = (folder / "cmdline").read_bytes().decode(errors="replace")
        owner = folder.stat().st_uid
    except (OSError, IndexError):  # it ended while being read, or it is hidden from us
        return None
    return None if state in "ZX" else Process(pid, owner, command.replace("\0", " "))


def everything() -> Iterator[Process]:
    """Return all living processes that we may see."""
    if not sys.platform.startswith("linux"):
        yield from _listed("-ax")
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (process := find(int(entry.name))):
            yield process


def running(mark: str, *, uid: int) -> Process | None:
    """Return the user's process whose command line contains ``mark``.

    The shell of a launch is left out.
    """
    return next((process for process in everything() if process.uid == uid and is_marked(process, mark)), None)


def is_marked(process: Process, mark: str) -> bool:
    """Return whether this process is the server that ``mark`` describes."""
    return mark in process.command and not process.command.startswith("/bin/sh ")


def stop(process: Process, *, signals: Sequence[signal.Signals], patience: timedelta) -> None:
    """Send signals in order until the process has ended."""
    for number in signals:
        if find(process.pid) != process:
            return
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience.total_seconds()
        while find(process.pid) == process and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def rotate(log: Path) -> None:
    """Keep one older log when the current one has grown."""
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".old.log"))


def size(log: Path) -> int:
    """Return where the next line of a log will begin."""
    return log.stat().st_size if log.exists() else 0


def added(log: Path, *, since: int) -> str:
    """Return what a log got since it had this size."""
    try:
        return log.read_bytes()[since:].decode(errors="replace").strip()
    except OSError:
        return ""


def tail(log: Path, *, since: int = 0) -> str:
    """Return the last lines that a log got since a size."""
    return "\n".join(added(log, since=since)[-_LOG_TAIL_CHARACTERS:].splitlines()[-8:])


def _listed(*selection: str) -> Iterator[Process]:
    """Return the processes that ps lists; macOS has no /proc."""
    listing = subprocess.run(  # noqa: S603 - a fixed program with flags of ours
        ["/bin/ps", *selection, "-ww", "-o", "pid=,uid=,stat=,command="], capture_output=True, text=True, check=False
    )
    for line in listing.stdout.splitlines():
        pid, uid, state, command = line.split(None, 3)
        if "Z" not in state:
            yield Process(int(pid), int(uid), command + " ")
