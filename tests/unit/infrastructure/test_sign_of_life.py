"""A sign of life is written by the event loop, and judged by its age and its process."""

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from src.infrastructure.workers import process
from src.infrastructure.workers.sign_of_life import SignOfLife, keep_writing, read_all


def _sign(**changes: object) -> SignOfLife:
    started = process.started_at()
    assert started is not None
    sign = SignOfLife(
        instance="blue@here:1",
        colour="blue",
        pid=os.getpid(),
        process_started_at=started,
        polls=True,
        is_draining=False,
        database_answers=True,
        patience=20,
        beaten_at=time.monotonic(),
    )
    return replace(sign, **changes)  # type: ignore[arg-type]


def test_a_sign_is_judged() -> None:
    assert _sign().is_ready
    for change in ({"polls": False}, {"is_draining": True}, {"database_answers": False}):
        assert (_sign(**change).is_alive, _sign(**change).is_ready) == (True, False)
    assert not _sign(beaten_at=time.monotonic() - 20).is_alive  # the loop hangs
    assert not _sign(process_started_at=1.0).is_alive  # another process has its id
    assert _sign(process_started_at=1.0).has_ended
    assert not _sign(beaten_at=time.monotonic() + 3600).is_alive  # of an earlier start of the machine


async def test_a_sign_is_there_while_the_loop_moves(tmp_path: Path) -> None:
    written = asyncio.Event()

    def look() -> SignOfLife:
        if read_all(tmp_path):
            written.set()
        return _sign()

    keeping = asyncio.create_task(keep_writing(tmp_path, look, every=timedelta(milliseconds=10)))
    await written.wait()
    (found,) = read_all(tmp_path)
    assert found.is_ready
    keeping.cancel()
    await asyncio.wait({keeping})
    assert read_all(tmp_path) == []


async def test_the_next_worker_takes_the_sign_of_a_dead_one_away(tmp_path: Path) -> None:
    keeping = asyncio.create_task(keep_writing(tmp_path, lambda: _sign(process_started_at=1.0)))
    await asyncio.sleep(0)
    (file,) = (tmp_path / "workers").glob("*.json")
    dead = file.rename(file.with_name(file.name.replace(str(os.getpid()), "1")))
    keeping.cancel()
    await asyncio.wait({keeping})
    assert len(read_all(tmp_path)) == 1
    keeping = asyncio.create_task(keep_writing(tmp_path, _sign))
    await asyncio.sleep(0)
    assert not dead.exists()
    keeping.cancel()
    await asyncio.wait({keeping})


async def test_a_home_that_cannot_be_written_to_ends_nothing(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.write_text("", "utf-8")
    keeping = asyncio.create_task(keep_writing(home, _sign))
    await asyncio.sleep(0)
    assert not keeping.done()
    keeping.cancel()
    await asyncio.wait({keeping})


def test_a_probe_imports_no_server_library() -> None:
    code = "import sys, src.cli.main, src.cli.worker; print(*{each.partition('.')[0] for each in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert {"temporalio", "sqlalchemy", "asyncpg", "anthropic", "openai"}.isdisjoint(done.stdout.split())
