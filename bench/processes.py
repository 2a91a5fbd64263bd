"""Measures processor time and memory of process trees."""

from pathlib import Path

import psutil


def cpu_seconds(pid: int) -> float:
    """Return user and system time of the process tree.

    Descendants that ended and were waited for count.
    """
    root = psutil.Process(pid)
    return sum(_times(process) for process in [root, *root.children(recursive=True)])


def peak_bytes(pid: int) -> int:
    """Return the largest resident set so far.

    Where the system keeps none, the current one.
    """
    status = Path("/proc", str(pid), "status")
    if not status.exists():
        return int(psutil.Process(pid).memory_info().rss)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _times(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # it ended since it was listed
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
