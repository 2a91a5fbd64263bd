"""A worker process beside this one, started again when it dies: killing it loses nothing, so anybody may try."""

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from .terminal import err

_PAUSE_SECONDS = 1.0  # between a death and the next start, so that a broken setting does not spin


class SupervisedWorker:
    """Runs ``longtail worker`` until the block ends, with its output in ``log`` (or on this terminal)."""

    def __init__(self, arguments: Sequence[str], *, log: Path | None, grace_seconds: float) -> None:
        self._command = [sys.executable, "-m", "src.cli", "worker", "--while-stdin-open", *arguments]
        self._log = log
        self._grace_seconds = grace_seconds
        self._stopping = threading.Event()
        self._process = self._spawn()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def pid(self) -> int:
        """The process that works now."""
        return self._process.pid

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(self._grace_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            code = self._process.wait()
            if self._stopping.wait(_PAUSE_SECONDS):
                return
            self._process = self._spawn()
            err.print(f"the worker ended ({_reason(code)}); a new one goes on: pid {self._process.pid}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        stream: IO[bytes] | None = self._log.open("ab") if self._log else None
        try:
            return subprocess.Popen(  # noqa: S603 - our own command line
                self._command,
                stdin=subprocess.PIPE,  # its lifeline: when we die, however we die, it drains and leaves
                stdout=stream,
                stderr=stream,
                start_new_session=True,  # Ctrl-C reaches it through us, in order
            )
        finally:
            if stream:
                stream.close()


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
