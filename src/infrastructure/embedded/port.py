"""Chooses ports on loopback: last time's, else any free one.

Addresses stay the same where possible.
"""

import socket
import time
from pathlib import Path

LOOPBACK = "127.0.0.1"

_RELEASE_SECONDS = 1.0  # the threads of a server killed just now may hold its port a little longer than it lives


def choose(last: int | None = None, usual: int | None = None) -> int:
    """Return last time's port, the usual one, or any free one."""
    deadline = time.monotonic() + _RELEASE_SECONDS
    while last and not _is_free(last) and time.monotonic() < deadline:
        time.sleep(0.02)
    return next((port for port in (last, usual) if port and _is_free(port)), 0) or _any()


def remembered(file: Path) -> list[int]:
    """Return the ports written down last time.

    A damaged note is as good as none.
    """
    try:
        ports = [int(word) for word in file.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        return []
    return [port for port in ports if 1024 <= port <= 65535]


def answers(port: int) -> bool:
    """Return whether something listens there."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do, for ports closed just now
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return not answers(port)


def _any() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
