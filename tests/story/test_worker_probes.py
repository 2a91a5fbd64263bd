"""What a health check sees of workers: alive, ready, hanging, draining, died."""

import os
import signal

from src.domain.colour import BLUE
from tests.eventually import eventually

from .conftest import Longtail


async def test_a_worker_that_is_stopped_or_killed_is_not_alive(longtail: Longtail) -> None:
    assert longtail.run("worker", "alive").returncode == 1
    with longtail.start("worker", "--colour", BLUE) as worker:

        async def is_ready() -> bool:
            return longtail.run("worker", "ready").returncode == 0

        await eventually(is_ready, within=60)
        (seen,) = longtail.json("worker", "alive")["workers"]
        assert (seen["colour"], seen["state"], seen["pid"]) == (BLUE, "polling", worker.process.pid)
        os.kill(worker.process.pid, signal.SIGSTOP)

        async def hangs() -> bool:
            return longtail.run("worker", "alive").returncode == 1

        await eventually(hangs, within=60)
        os.kill(worker.process.pid, signal.SIGCONT)
        await eventually(is_ready, within=60)
        worker.kill()
        done = longtail.run("worker", "alive")
        assert done.returncode == 1
        assert "died" in done.stdout
        with longtail.start("worker", "--colour", BLUE) as second:
            await eventually(is_ready, within=60)  # the dead one's sign was taken away
            assert second.terminate() == 0
        assert "no worker runs" in longtail.run("worker", "alive").stdout
