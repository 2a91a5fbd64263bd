"""Runs a command as a child process; restarts it when it dies."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self
from urllib.request import urlopen

from .terminal import err

RESTART_PAUSE = timedelta(seconds=1)  # so that one that cannot start does not use up a core
LONGEST_START = timedelta(seconds=30)  # of the API; it takes two on an idle machine
_BETWEEN_LOOKS = 0.1  # seconds


def await_api(port: int, *, longest: timedelta = LONGEST_START) -> bool:
    """Return whether the API answers, as soon as it does."""
    ends = time.monotonic() + longest.total_seconds()
    while time.monotonic() < ends:
        try:
            with urlopen(f"http://127.0.0.1:{port}/health/live", timeout=1):
                return True
        except OSError:  # refused, or not ready: URLError is one
            time.sleep(_BETWEEN_LOOKS)
    return False


class Supervised:
    """Runs ``longtail worker`` or ``longtail api`` until the block ends.

    Its output goes to ``log``, or to this terminal. At the end it has ``grace`` to finish what is under way.
    """

    def __init__(
        self,
        noun: Literal["worker", "api"],
        arguments: Sequence[str],
        *,
        log: Path | None,
        grace: timedelta,
        restart_pause: timedelta = RESTART_PAUSE,
    ) -> None:
        self._noun = noun
        self._command = [sys.executable, "-m", "src.cli", noun, "--while-stdin-open", *arguments]
        self._log = log
        self._grace = grace
        self._restart_pause = restart_pause
        self._stopping = threading.Event()
        self._process = self._spawn()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def pid(self) -> int:
        """Return the id of the process that runs."""
        return self._process.pid

    def stop(self) -> None:
        """Ask it to end, and start no other."""
        if not self._stopping.is_set():  # a second SIGTERM would make it leave at once
            self._stopping.set()
            self._process.send_signal(signal.SIGTERM)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        try:
            self._process.wait(self._grace.total_seconds())
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            code = self._process.wait()
            if self._stopping.wait(self._restart_pause.total_seconds()):
                return
            self._process = self._spawn()
            err.print(f"the {self._noun} ended ({_reason(code)}); a new one continues: pid {self._process.pid}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        stream: IO[bytes] | None = self._log.open("ab") if self._log else None
        try:
            return subprocess.Popen(  # noqa: S603 - our own command line
                self._command,
                stdin=subprocess.PIPE,  # closed when we die, however that happens: then it drains and ends
                stdout=stream,
                stderr=stream,
                start_new_session=True,  # Ctrl-C reaches it through us, in order
            )
        finally:
            if stream:
                stream.close()


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def run_all(
    noun: Literal["worker", "api"],
    arguments: Sequence[str],
    *,
    count: int,
    grace: timedelta,
    restart_pause: timedelta = RESTART_PAUSE,
) -> None:
    """Run ``count`` of them until SIGTERM or Ctrl-C.

    Then all drain at once.
    """
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    running = [Supervised(noun, arguments, log=None, grace=grace, restart_pause=restart_pause) for _ in range(count)]
    with ExitStack() as stack:
        for each in running:
            stack.enter_context(each)
        stopped.wait()
        for each in running:
            each.stop()
