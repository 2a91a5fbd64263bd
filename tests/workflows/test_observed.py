"""Traces leave nothing in histories, and no trace of a run that is only replayed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import Client, WorkflowHistory

from src.bootstrap import Application, ProcessTelemetry, build_worker, worker_identity
from src.domain.article import Article, ArticleStatus
from src.domain.colour import Colour
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from src.infrastructure.llm.providers import Providers
from src.infrastructure.telemetry.metrics import WorkerMetrics
from src.infrastructure.telemetry.telemetry import Telemetry
from src.infrastructure.telemetry.trace_ids import trace_id_of
from src.infrastructure.telemetry.traces import Traces
from src.infrastructure.temporal import client as temporal_client
from src.infrastructure.temporal import ids
from src.infrastructure.temporal import worker as temporal_worker
from src.settings import OfflineSettings, Settings
from tests.replays import replayer

from .conftest import Batches, reported


class Observed:
    """What a worker in this process told."""

    def __init__(self, settings: Settings) -> None:
        self.exporter = InMemorySpanExporter()
        self.metrics = WorkerMetrics(settings)
        self.traces = Traces({"service.name": "test"}, exporter=self.exporter)
        self.telemetry = ProcessTelemetry(work=Telemetry(metrics=self.metrics, traces=self.traces))

    def names(self, subject: str) -> list[str]:
        self.traces.provider.force_flush()
        spans = self.exporter.get_finished_spans()
        return [span.name for span in spans if span.context and span.context.trace_id == trace_id_of(subject)]

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0


@pytest.fixture
async def observed(
    database: Database, temporal_server: TemporalServer, settings: Settings, colour: Colour
) -> AsyncIterator[Observed]:
    """A strict worker with everything switched on, whose provider fails now and then."""
    offline = OfflineSettings(failure_rate=0.3)
    changed = settings.model_copy(
        update={
            "offline": offline,
            "model_slots": 8,
            "shutdown_grace": timedelta(seconds=20),
            "max_cached_workflows": 2,
        }
    )
    observed = Observed(changed)
    client = await temporal_client.connect(temporal_server.address, interceptors=observed.telemetry.interceptors)
    principal = Principal.worker(worker_identity(colour))
    application = Application(changed, database, client, temporal_server, principal, telemetry=observed.telemetry)
    async with Providers(changed) as providers, build_worker(application, providers, colour=colour, strict=True):
        yield observed
    observed.traces.close()


async def test_histories_hold_nothing_of_traces_and_replay(
    observed: Observed, batches: Batches, client: Client, database: Database
) -> None:
    site = await batches.site(keywords=3)
    handle = await batches.start(site)
    await reported(handle)
    async with database.unit_of_work() as uow:
        articles = await uow.articles.list_all(site=site.slug, limit=10)
    made = [client.get_workflow_handle(ids.article(article.id)) for article in articles]
    histories = [await each.fetch_history() for each in [handle, *made]]
    for history in histories:
        assert _headers(history) == []
        await replayer(*temporal_worker.WORKFLOWS).replay_workflow(history)
    for article in articles:  # two fit into the worker's memory, so most runs were replayed
        told = observed.names(str(article.id))
        assert told.count("ArticleWorkflow") == 1
        assert told.count("start ReviewWorkflow") == (article.status is ArticleStatus.NEEDS_REVIEW)
    assert observed.names(ids.subject_of(handle.id)).count("SiteBatchWorkflow") == 1
    done = sum(article.status is ArticleStatus.NEEDS_REVIEW for article in articles)
    assert observed.count("longtail_articles_total", outcome="needs_review") == done
    assert observed.count("longtail_articles_total", outcome="failed") == len(articles) - done
    assert (
        _attempts(observed, articles) == await _outputs(database, articles) + _retries(observed) + len(articles) - done
    )
    assert _retries(observed) > 0


def _headers(history: WorkflowHistory) -> list[str]:
    """Names of headers in the events of a history."""
    found: list[str] = []

    def search(value: Any) -> None:
        if isinstance(value, dict):
            found.extend((value.get("header") or {}).get("fields", {}))
            for each in value.values():
                search(each)
        elif isinstance(value, list):
            for each in value:
                search(each)

    search(history.to_json_dict())
    return found


def _retries(observed: Observed) -> float:
    """Attempts that came again, as metrics count them."""
    family = next(each for each in observed.metrics.registry.collect() if each.name == "longtail_stage_retries")
    return sum(sample.value for sample in family.samples if sample.name.endswith("_total"))


def _attempts(observed: Observed, articles: list[Article]) -> int:
    """Attempts at stages, each of which is a span."""
    return sum(name.startswith("stage") for article in articles for name in observed.names(str(article.id)))


async def _outputs(database: Database, articles: list[Article]) -> int:
    async with database.unit_of_work() as uow:
        return sum([len(await uow.stage_outputs.list_for_article(each.id, each.revision)) for each in articles])
