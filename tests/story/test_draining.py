"""A worker that is told to stop ends, whatever its event loop waits for."""

import subprocess
import sys
from pathlib import Path

NEVER_DRAINED = """
import asyncio, os, signal
from datetime import timedelta
from src.infrastructure.temporal import polling
from src.infrastructure.temporal.polling import Polling

polling._MARGIN, polling._LEAVING_SECONDS = timedelta(0), 0.2

class Client:
    service_client = property(lambda self: self)
    async def check_health(self, timeout):
        return True

class Worker:
    async def run(self):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()
    async def shutdown(self):
        await asyncio.Event().wait()

async def connect():
    return Client()

async def draining():
    print("draining", flush=True)

async def main():
    running = Polling(connect, lambda _: [Worker()], grace=timedelta(seconds=0.2), stopping=asyncio.Event())
    await running.run(on_polling=print, on_draining=draining)
    print("left", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_worker_that_is_never_drained_leaves_after_its_grace() -> None:
    """As one whose local activities fail again and again; the worker is simulated."""
    ended = subprocess.run(
        [sys.executable, "-c", NEVER_DRAINED],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    said = ended.stdout.splitlines()
    assert said.index("draining") < said.index("left")
