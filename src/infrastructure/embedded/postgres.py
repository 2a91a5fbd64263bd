"""PostgreSQL on this machine.

It is joined or started, and stopped by its last user.
"""

import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from src.domain.errors import EngineUnavailable

from . import binaries, cluster, data_dir, port, process
from .account import Account, unprivileged
from .binaries import Binaries
from .process import Process
from .server_lock import shared

_READY_SECONDS = 120  # recovery after a crash may replay much
_RETRY_SECONDS = 15  # orphans of a killed postmaster end within about five
_TRANSIENT = ("lock file", "shared memory block", "Address already in use", "could not create any TCP/IP sockets")

_TLS_REQUEST = struct.pack("!II", 8, 80877103)
_SETTINGS = ("max_connections=200", "timezone=UTC", "log_timezone=UTC")
_THROW_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@contextmanager
def postgres(home: Path, *, durable: bool = True) -> Iterator[str]:
    """Yield the SQLAlchemy URL of a server with data below ``home``.

    ``durable=False`` is for tests: faster, and what was written may be gone once the server has stopped. A server that
    runs already is joined as it is.

    Raises EngineUnavailable with what to do.
    """
    folder = data_dir.server_folder(home, "postgres")
    with shared(
        folder, start=lambda: _start(folder, durable=durable), stop=lambda: _stop(folder, durable=durable)
    ) as url:
        yield url


@dataclass(frozen=True)
class _Server:
    """A postmaster as its pid file describes it, checked against the process."""

    process: Process
    port: int
    is_ready: bool


def _start(folder: Path, *, durable: bool) -> str:
    data = data_dir.current(folder) / "data"
    server = _running(data)
    if server is not None:  # starting, or just being killed
        server = _awaited(data, server.process.pid)
    if server is None:
        server = _launched(folder, durable=durable)
        data = data_dir.current(folder) / "data"
    secret = cluster.read_password(data)
    return f"postgresql+asyncpg://{cluster.USER}:{secret}@{port.LOOPBACK}:{server.port}/{cluster.DATABASE}"


def _launched(folder: Path, *, durable: bool) -> _Server:
    account = unprivileged(data_dir.current(folder) / "data")
    home = data_dir.resolve_data_dir(folder, account, durable=durable)
    data = home / "data"
    programs = binaries.choose(major=cluster.major(data)).runnable_by(account, home=home)
    cluster.sweep(data)
    if not data.exists():
        cluster.create(data, account, programs, durable=durable)
    cluster.restore_password(data, account, programs)
    process.rotate(home / "postgres.log")
    deadline = time.monotonic() + _RETRY_SECONDS
    while True:
        logged = process.size(home / "postgres.log")
        if server := _attempt(data, account, programs, durable=durable):
            return server
        failure = _failure(data, since=logged)
        if time.monotonic() > deadline or not any(sign in failure.message for sign in _TRANSIENT):
            raise failure
        time.sleep(process.POLL_SECONDS * 10)


def _attempt(data: Path, account: Account, programs: Binaries, *, durable: bool) -> _Server | None:
    memory, home = data.with_name("port"), data.parent
    chosen = port.choose(*port.remembered(memory))
    if not (server := _running(data)):  # a launch that was cut off before it wrote its pid file may have by now
        cluster.free_stale_pid(data)
        settings = _SETTINGS if durable else (*_SETTINGS, *_THROW_AWAY)
        argv = [str(programs.folder / "postgres"), "-D", str(data), "-p", str(chosen), "-h", port.LOOPBACK, "-k", ""]
        options = [word for setting in settings for word in ("-c", setting)]
        pid = process.launch([*argv, *options], log=home / "postgres.log", account=account)
    else:
        pid = server.process.pid
    server = _awaited(data, pid)
    if server:
        memory.write_text(f"{server.port}\n", encoding="ascii")
    return server


def _awaited(data: Path, pid: int) -> _Server | None:
    """Return the ready server, None if it ended."""
    deadline = time.monotonic() + _READY_SECONDS
    while process.find(pid) is not None:
        if (server := _running(data)) and server.process.pid == pid and server.is_ready and _answers(server.port):
            return server
        if time.monotonic() > deadline:
            raise EngineUnavailable(
                f"PostgreSQL is not ready after {_READY_SECONDS} s; see {data.with_name('postgres.log')}"
            )
        time.sleep(process.POLL_SECONDS)
    return None


def _running(data: Path) -> _Server | None:
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        pid, chosen = int(lines[0]), int(lines[3])
    except (FileNotFoundError, ValueError, IndexError):  # no server, or it is just writing this
        return None
    found = process.find(pid)
    if found is None or found.uid != data.stat().st_uid or not process.is_marked(found, f"/postgres -D {data} -p "):
        return None
    return _Server(found, chosen, is_ready=len(lines) > 7 and lines[7].strip() == "ready")


def _answers(number: int) -> bool:
    """Return whether PostgreSQL listens there, by asking for TLS.

    It answers yes or no before authentication.
    """
    try:
        with socket.create_connection((port.LOOPBACK, number), timeout=5) as connection:
            connection.sendall(_TLS_REQUEST)
            return connection.recv(1) in {b"S", b"N"}
    except OSError:
        return False


def _stop(folder: Path, *, durable: bool) -> None:
    server = _running(data_dir.current(folder) / "data")
    if server is not None:
        signals = (signal.SIGINT, signal.SIGQUIT) if durable else (signal.SIGQUIT, signal.SIGKILL)
        process.stop(server.process, signals=signals, patience=timedelta(seconds=60))
    if not durable:
        data_dir.remove(folder)


def _failure(data: Path, *, since: int) -> EngineUnavailable:
    log = data.with_name("postgres.log")
    return EngineUnavailable(
        f"PostgreSQL did not start{data_dir.shortage(data.parent)}; {log} ends:\n{process.tail(log, since=since)}"
    )
