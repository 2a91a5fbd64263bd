"""Identity of this process, and proof that another one ended."""

import os
import socket
from pathlib import Path

import psutil

_CLOCK_TOLERANCE = 1.0  # seconds: systems keep the start of a process in ticks


def host() -> str:
    """Return the machine and what its process ids count in.

    Two containers of one machine have different ones.
    """
    return f"{socket.gethostname()}/{_boot()}/{_pid_namespace()}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:  # macOS
        return str(int(psutil.boot_time()))


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def started_at(pid: int | None = None) -> float | None:
    """Return when the process started, None if there is none.

    In seconds since 1970. By default it is this process. A zombie has ended.
    """
    try:
        process = psutil.Process(os.getpid() if pid is None else pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def has_ended(pid: int, started: float) -> bool:
    """Return whether the process of this machine that started then has ended.

    A stopped process lives.
    """
    found = started_at(pid)
    return found is None or abs(found - started) > _CLOCK_TOLERANCE
