"""Servers of a test's own, to be stopped, started and frozen."""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from src.bootstrap import open_local_postgres, open_local_temporal

_PORTS = range(20_000, 32_000)  # below those that the system gives to connections


class Engines:
    """A database and a Temporal."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._running: dict[str, ExitStack] = {}
        _keep_port(home)
        self.url = self.start_postgres()
        self.address = self.start_temporal()

    def start_postgres(self) -> str:
        self._running["postgres"] = ExitStack()
        return self._running["postgres"].enter_context(open_local_postgres(self._home, durable=True))

    def start_temporal(self) -> str:
        self._running["temporal"] = ExitStack()
        server = self._running["temporal"].enter_context(open_local_temporal(self._home, ui=False))
        self._temporal_pid = server.pid or 0
        return server.address

    def stop(self, engine: str) -> None:
        self._running.pop(engine).close()

    def kill(self, engine: str) -> None:
        """End the engine's process as a crash would."""
        if engine == "postgres":
            (file,) = (self._home / "postgres").rglob("postmaster.pid")
            pid = int(file.read_text("utf-8").splitlines()[0])
        else:
            pid = self._temporal_pid
        os.kill(pid, signal.SIGKILL)
        self.stop(engine)

    @contextmanager
    def frozen_temporal(self) -> Iterator[None]:
        """Let Temporal be silent, with all its connections open."""
        os.kill(self._temporal_pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._temporal_pid, signal.SIGCONT)

    def close(self) -> None:
        for engine in list(self._running):
            self.stop(engine)


def _keep_port(home: Path) -> None:
    """Let Temporal have a port that nobody takes while it is stopped; any server takes its usual one."""
    folder = home / "temporal"
    folder.mkdir(parents=True)
    for each in (home, folder):
        each.chmod(0o711)  # as the servers' account may be another
    (folder / "ports").write_text(f"{secrets.choice(_PORTS)}\n", encoding="ascii")
