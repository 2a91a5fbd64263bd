"""One batch against the clock, and the floor for the same articles."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text

from src.domain.ids import BatchId
from src.domain.stages import STAGES
from src.infrastructure.temporal import ids

from . import processes, workload
from .floor import Floor
from .installation import BatchHandle, Installation, reported, stopping
from .model_server import ModelServer

_CORRECTIONS = text("SELECT count(*) FROM model_calls WHERE batch_id = :batch AND round > 0")

WARM_UP = 8  # articles before the clock starts, so that imports and connections do not count


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Articles, seconds a model call, and calls at once."""

    articles: int
    latency: float
    slots: int

    @property
    def bound_seconds(self) -> float:
        """Return the least time that any program needs.

        All slots busy from the first second to the last.
        """
        return self.articles * len(STAGES) * self.latency / self.slots


class Cpu(BaseModel):
    """Processor seconds by process."""

    model_config = ConfigDict(frozen=True)

    worker: float
    temporal: float
    postgres: float
    model_server: float

    def since(self, earlier: "Cpu") -> "Cpu":
        """Return the difference."""
        return Cpu(**{name: value - getattr(earlier, name) for name, value in self})


class Measured(BaseModel):
    """Measurements of one scenario.

    Attributes:
        calls: counted by the model server.
        corrections: questions after an answer that broke a rule, as the ledger has them.
    """

    model_config = ConfigDict(frozen=True)

    articles: int
    latency: float
    slots: int
    bound_seconds: float
    seconds: float
    floor: Floor
    cpu: Cpu
    worker_peak_bytes: int
    calls: int
    corrections: int
    max_in_flight: int
    batch_events: int
    article_events: int
    article_history_bytes: int
    need_review: int

    @property
    def calls_due(self) -> int:
        """Return how many calls the articles need."""
        return self.articles * len(STAGES) + self.corrections


async def rehearse(installed: Installation, models: ModelServer, *, first: int) -> None:
    """Write a few articles, so that caches are filled."""
    models.reset(latency=0)
    with stopping(installed.worker(model_url=models.url, slots=WARM_UP)):
        await (await installed.start_batch(workload.keywords(WARM_UP, first=first))).result()


async def measure(scenario: Scenario, installed: Installation, models: ModelServer, *, first: int) -> Measured:
    """Run the floor, then a batch of the same keywords."""
    keywords = workload.keywords(scenario.articles, first=first)
    floor = await asyncio.to_thread(_floor, scenario, models, first, installed.environment)
    with stopping(installed.worker(model_url=models.url, slots=scenario.slots)) as worker:
        models.reset(latency=0)
        await (await installed.start_batch(workload.keywords(WARM_UP, first=first + scenario.articles))).result()
        models.reset(latency=scenario.latency)
        before = _cpu(installed, models, worker.pid)
        handle = await installed.start_batch(keywords)
        report = await reported(handle)
        cpu = _cpu(installed, models, worker.pid).since(before)
        stats = models.stats()
        article_events, article_history_bytes = await _article_history(installed, report.batch_id)
        batch_events, seconds = await _batch_history(handle)
        return Measured(
            articles=scenario.articles,
            latency=scenario.latency,
            slots=scenario.slots,
            bound_seconds=scenario.bound_seconds,
            seconds=seconds.total_seconds(),
            floor=floor,
            cpu=cpu,
            worker_peak_bytes=processes.peak_bytes(worker.pid),
            calls=stats.calls,
            corrections=await _corrections(installed, report.batch_id),
            max_in_flight=stats.max_in_flight,
            batch_events=batch_events,
            article_events=article_events,
            article_history_bytes=article_history_bytes,
            need_review=report.needs_review,
        )


async def _corrections(installed: Installation, batch_id: BatchId) -> int:
    async with installed.database.engine.connect() as connection:
        return int(await connection.scalar(_CORRECTIONS, {"batch": batch_id}) or 0)


def _floor(scenario: Scenario, models: ModelServer, first: int, environment: dict[str, str]) -> Floor:
    arguments = {
        "url": models.url,
        "articles": scenario.articles,
        "first": first,
        "latency": scenario.latency,
        "slots": scenario.slots,
    }
    command = [sys.executable, "-m", "bench.floor", *(f"--{name}={value}" for name, value in arguments.items())]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
    return Floor.model_validate_json(ended.stdout)


def _cpu(installed: Installation, models: ModelServer, worker_pid: int) -> Cpu:
    return Cpu(
        worker=processes.cpu_seconds(worker_pid),
        temporal=processes.cpu_seconds(installed.temporal_pid),
        postgres=processes.cpu_seconds(installed.postgres_pid),
        model_server=models.stats().cpu_seconds,
    )


async def _batch_history(handle: BatchHandle) -> tuple[int, timedelta]:
    """Return the history's length and duration."""
    described = await handle.describe()
    if described.close_time is None:
        raise AssertionError("it has a result, so it has ended")
    return described.history_length, described.close_time - described.start_time


async def _article_history(installed: Installation, batch_id: BatchId) -> tuple[int, int]:
    """Events and bytes of the batch's first article."""
    async with installed.database.unit_of_work() as uow:
        article = (await uow.articles.list_all(batch_id=batch_id, limit=1))[0]
    described = await installed.client.get_workflow_handle(ids.article(article.id)).describe()
    return described.history_length, described.raw_description.workflow_execution_info.history_size_bytes
