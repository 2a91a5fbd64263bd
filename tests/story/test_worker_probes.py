"""What a health check sees of workers: alive, ready, hanging, died."""

import os
import signal

from src.domain.colour import BLUE
from src.infrastructure.workers.sign_of_life import read_all
from tests.eventually import eventually

from .conftest import Longtail

_FAST = {"LONGTAIL_TIME_FACTOR": "0.1"}  # a worker hangs after two seconds without a beat


async def test_a_worker_that_is_stopped_or_killed_is_not_alive(longtail: Longtail) -> None:
    async def is_ready() -> bool:
        return [each.is_ready for each in read_all(longtail.home)] == [True]

    async def hangs() -> bool:
        return not any(each.is_alive for each in read_all(longtail.home))

    with longtail.start("worker", "--colour", BLUE, **_FAST) as worker:
        await eventually(is_ready)
        (seen,) = longtail.json("worker", "ready")["workers"]
        assert (seen["colour"], seen["state"], seen["pid"]) == (BLUE, "polling", worker.process.pid)
        os.kill(worker.process.pid, signal.SIGSTOP)
        await eventually(hangs)
        stopped = longtail.run("worker", "alive")
        assert (stopped.returncode, "hangs" in stopped.stdout) == (1, True)
        os.kill(worker.process.pid, signal.SIGCONT)
        await eventually(is_ready)
        worker.kill()
        (dead,) = read_all(longtail.home)
        assert dead.has_ended
        with longtail.start("worker", "--colour", BLUE, **_FAST) as second:
            await eventually(is_ready)  # the dead one's sign was taken away
            assert second.terminate() == 0
        assert "no worker runs" in longtail.run("worker", "alive").stdout
