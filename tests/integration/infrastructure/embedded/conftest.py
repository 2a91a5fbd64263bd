"""Homes of servers for one test, and other processes that use the same servers."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from src.infrastructure.embedded import process

ROOT = Path(__file__).parents[4]

USER = """
import sys
from pathlib import Path
from src.infrastructure.embedded.{engine} import {engine}
with {engine}(Path(sys.argv[1])) as server:
    print(getattr(server, "address", server), flush=True)
    sys.stdin.read()
"""


class OtherUser:
    """Another process that uses the server of a home until it is told to leave, or is killed."""

    def __init__(self, engine: str, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER.format(engine=engine), str(home)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def address(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.communicate(timeout=60)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def other_user() -> Iterator[Callable[[str, Path], OtherUser]]:
    users: list[OtherUser] = []

    def start(engine: str, home: Path) -> OtherUser:
        users.append(OtherUser(engine, home))
        return users[-1]

    yield start
    for user in users:
        if user.process.returncode is None:
            user.kill()


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that does not exist yet, below a folder that every user may cross, unlike pytest's own."""
    with temporary_folder() as folder:
        folder.chmod(0o711)
        yield folder / "home"


@pytest.fixture
def closed_home() -> Iterator[Path]:
    """A home below a folder that only this user may cross, like root's own."""
    with temporary_folder() as folder:
        yield folder / "home"


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 20 MB, which is too small for PostgreSQL."""
    with temporary_folder() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=20m,mode=711", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("only root can mount a small disk")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def occupy() -> Iterator[Callable[[int], None]]:
    """Lets somebody else listen on a port."""
    with ExitStack() as stack:

        def listen(port: int) -> None:
            listener = stack.enter_context(closing(socket.socket()))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                return  # another test has it
            listener.listen()

        yield listen


@pytest.fixture
def ended() -> Callable[[int], None]:
    """Waits until no living process has this pid."""

    def wait(pid: int) -> None:
        deadline = time.monotonic() + 20
        while process.find(pid) is not None:
            assert time.monotonic() < deadline, f"process {pid} still runs"
            time.sleep(process.POLL_SECONDS)

    return wait


@contextmanager
def temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="test-longtail-")).resolve()
    try:
        yield folder
    finally:
        for left in process.everything():  # by a test that failed
            if f" {folder}/" in left.command:
                process.stop(left, signals=[signal.SIGKILL], patience=timedelta(seconds=10))
        shutil.rmtree(folder, ignore_errors=True)
