"""What a batch with a failure tells, from the request that starts it to the publication of one of its articles."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from httpx2 import AsyncClient
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from src.application.api_tokens import create_token
from src.application.people import add_person
from src.application.publishing import list_publications
from src.application.revisions import ensure_revision
from src.domain.article import Article, ArticleStatus
from src.domain.ids import ArticleId
from src.domain.permissions import Role
from src.domain.person import Grant
from src.domain.publishing import PublicationStatus
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from src.infrastructure.telemetry.trace_ids import in_hex, trace_id_of
from tests.applications import ANNA
from tests.conftest import cloned
from tests.eventually import eventually
from tests.factories import PHRASES, a_site, longtails
from tests.otlp import Collector, Span, collecting

from .conftest import Longtail, Running
from .test_api import address_of

SITE = "hardware-shop"
FAILING = PHRASES[1]
DOCUMENT = Path(__file__).parents[2] / "docs" / "telemetry.md"
REQUEST_ID = "monday-1"
CALLER = "0af7651916cd43dd8448eb211c80319c"  # the trace of who asks


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the processes told."""

    worker: dict[str, Metric]
    api: dict[str, Metric]
    collector: Collector
    lines: list[dict[str, Any]]
    published: Article
    failed: Article

    def trace(self, article: Article) -> list[Span]:
        return self.collector.of(in_hex(trace_id_of(str(article.id))))


@pytest.fixture(scope="module")
async def told(
    tmp_path_factory: pytest.TempPathFactory, compiled: Path, database_url: str, temporal_server: TemporalServer
) -> AsyncIterator[Told]:
    async with cloned(database_url) as database:
        url = database.engine.url.render_as_string(hide_password=False)
        longtail = Longtail(
            tmp_path_factory.mktemp("told"), compiled, DATABASE_URL=url, TEMPORAL_ADDRESS=temporal_server.address
        )
        secret = await _furnish(database)
        with collecting() as collector:
            variables = {"LONGTAIL_METRICS_PORT": "0", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
            with (
                longtail.start("worker", "--fail", FAILING, **variables) as worker,
                longtail.start("api", "--port", "0", **variables) as api,
            ):
                headers = {"Authorization": f"Bearer {secret}"}
                async with AsyncClient(base_url=await address_of(api), headers=headers, timeout=30) as client:
                    published, failed = await _live(client, database)
                metrics = [await _scraped(process) for process in (worker, api)]
                for process in (worker, api):  # which send what is left
                    assert await asyncio.to_thread(process.terminate) == 0
                lines = [*_lines(worker), *_lines(api)]
            yield Told(
                worker=metrics[0],
                api=metrics[1],
                collector=collector,
                lines=lines,
                published=published,
                failed=failed,
            )


async def _furnish(database: Database) -> str:
    """Add a site with three keywords, and an admin; return his token."""
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(publishing={"undo": "0s"}))
        await uow.longtails.add(SITE, longtails(3), source="test")
    await add_person(database, "ida", Grant(role=Role.ADMIN, site=None), by=ANNA)
    made = await create_token(database, "ida", "ci", by=ANNA, lifetime=timedelta(hours=1), site=None, scopes=())
    return made.secret.get_secret_value()


async def _live(client: AsyncClient, database: Database) -> tuple[Article, Article]:
    """Let a batch run, and publish one of its articles; return that one and the one that failed."""
    asked = {"X-Request-Id": REQUEST_ID, "traceparent": f"00-{CALLER}-b7ad6b7169203331-01"}
    started = await client.post(f"/api/v1/sites/{SITE}/batches", json={}, headers=asked)
    assert (started.status_code, started.headers["X-Request-Id"]) == (202, REQUEST_ID)

    async def ended() -> list[Article]:
        async with database.unit_of_work() as uow:
            are_closed = [batch.closed_at is not None for batch in await uow.batches.list_all(site=SITE)]
            return await uow.articles.list_all(site=SITE, limit=10) if any(are_closed) else []

    articles = await eventually(ended)
    chosen = next(each for each in articles if each.status is ArticleStatus.NEEDS_REVIEW)
    text = await ensure_revision(database, chosen.id)
    path = f"/api/v1/articles/{chosen.id}/publish/force"
    approval = await client.post(
        f"/api/v1/reviews/{chosen.id}/approve", json={"content_hash": text.content_hash, "publish": "no"}
    )
    assert approval.status_code == 200, approval.text
    requested = await client.post(path, json={"reason": "a demonstration"})
    assert requested.status_code == 202, requested.text
    await eventually(lambda: _is_verified(database, chosen.id))
    return chosen, next(each for each in articles if each.keyword == FAILING)


async def _is_verified(database: Database, article_id: ArticleId) -> bool:
    found = await list_publications(database, article_id=article_id)
    return [each.status for each in found] == [PublicationStatus.VERIFIED]


async def _scraped(process: Running) -> dict[str, Metric]:
    found = re.search(r'"address": "([^"]+)", "event": "metrics_served"', process.output)
    assert found is not None, process.output
    async with AsyncClient() as client:
        answer = await client.get(found[1])
    assert answer.headers["content-type"].startswith("text/plain")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def _lines(process: Running) -> list[dict[str, Any]]:
    return [json.loads(line) for line in process.output.splitlines() if line.startswith("{")]


def _documented(heading: str) -> dict[str, str]:
    """First and last cells of the table below a heading: a name, and where it is."""
    section = DOCUMENT.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {cells[0].strip().strip("`"): cells[-1].strip() for cells in rows}


def _value(metrics: dict[str, Metric], name: str, **labels: str) -> float:
    """The sum of the samples that have these labels."""
    family = metrics[re.sub("_(total|count)$", "", name)]
    return sum(
        sample.value for sample in family.samples if sample.name == name and labels.items() <= sample.labels.items()
    )


def _pattern(name: str) -> str:
    """A span's name as the document spells it."""
    name = re.sub("^chat .*", "chat MODEL", name)
    name = re.sub("^start .*", "start TYPE", name)
    return re.sub("^signal \\S+", "signal NAME", re.sub(" \\w+Workflow$", " TYPE", name))


@pytest.mark.parametrize("process", ["worker", "api"])
def test_the_metrics_of_a_process_are_those_of_the_document(told: Told, process: str) -> None:
    served = told.worker if process == "worker" else told.api
    ours = {name.removesuffix("_total") for name, where in _documented("Our metrics").items() if process in where}
    assert {name for name in served if name.startswith("longtail_")} == ours
    temporals = _documented("Metrics of Temporal's SDK")
    expected = {name.removesuffix("_total") for name, where in temporals.items() if process in where}
    assert expected - served.keys() == set()


def test_metrics_say_what_a_batch_with_a_failure_came_to(told: Told) -> None:
    assert _value(told.worker, "longtail_articles_total", outcome="needs_review") == 2
    assert _value(told.worker, "longtail_articles_total", outcome="failed") == 1
    assert _value(told.worker, "longtail_stage_failures_total", stage="C", cause="ModelBadRequest") == 1
    assert _value(told.worker, "longtail_stage_seconds_count", stage="C", outcome="done") == 2
    assert _value(told.worker, "longtail_stage_seconds_count", stage="C", outcome="failed") == 1
    assert _value(told.worker, "longtail_model_calls_total", status="answered") == 10
    assert _value(told.worker, "longtail_model_call_errors_total", cause="ModelBadRequest") == 1
    assert _value(told.worker, "longtail_publications_total", status="verified") == 1
    assert _value(told.worker, "longtail_model_slots_used") == 0
    assert _value(told.worker, "temporal_workflow_failed_total", workflow_type="ArticleWorkflow") == 1
    assert _value(told.api, "longtail_reviews_waiting") == 1
    assert _value(told.api, "longtail_workers", colour="blue") == 1
    assert _value(told.api, "longtail_http_requests_total", operation="start_batch", status="202") == 1


def test_labels_hold_nothing_of_sites_and_articles(told: Told) -> None:
    values = {
        value
        for family in [*told.worker.values(), *told.api.values()]
        if family.name.startswith("longtail_")
        for sample in family.samples
        for value in sample.labels.values()
    }
    assert not {SITE, "ida", str(told.published.id), told.published.keyword, FAILING} & values


def test_the_trace_of_an_article_reaches_from_its_start_to_its_publication(told: Told) -> None:
    spans = told.trace(told.published)
    by_id = {span.id: span for span in spans}
    names = [span.name for span in spans]
    begun = ["ArticleWorkflow", "stage A", "stage B", "stage C", "stage D", "save_article"]
    assert [name for name in names if name in begun] == begun
    assert names.index("save_article") < names.index("signal decided ReviewWorkflow") < names.index("PublishWorkflow")
    assert names.count("chat offline-template") == 4
    assert "carry_out_publication" in names
    assert all(span.parent in by_id for span in spans if span.parent)
    parents = {span.name: by_id[span.parent].name for span in spans if span.parent}
    assert parents["stage C"] == parents["save_article"] == "ArticleWorkflow"
    run = next(span for span in spans if span.name == "ArticleWorkflow")
    assert all(span.end <= run.end + 1_000_000 for span in spans if span.parent == run.id)  # a millisecond's rounding
    assert parents["carry_out_publication"] == "PublishWorkflow"
    assert {by_id[span.parent].name[:5] for span in spans if span.name.startswith("chat")} == {"stage"}
    assert {span.service for span in spans} == {"longtail-worker", "longtail-api"}
    told_names = {_pattern(span.name) for span in [*spans, *told.trace(told.failed)]}
    assert told_names - set(_documented("Spans")) == set()


def test_the_batch_and_the_requests_are_linked_with_the_article(told: Told) -> None:
    by_id = {span.id: span for span in told.collector.spans}

    def linked(name: str, article: Article) -> set[str]:
        return {by_id[link].name for span in told.trace(article) if span.name == name for link in span.links}

    assert linked("ArticleWorkflow", told.published) == {"SiteBatchWorkflow"}
    assert linked("signal look_again PublishWorkflow", told.published) == {
        "POST /api/v1/articles/{article}/publish/force"
    }
    (request,) = [span for span in told.collector.spans if span.trace == CALLER]
    assert request.attributes["longtail.request_id"] == REQUEST_ID
    (start,) = [by_id[link] for link in request.links]
    assert start.name == "start SiteBatchWorkflow"
    assert start.trace == next(span.trace for span in by_id.values() if span.name == "SiteBatchWorkflow")


def test_a_failure_is_named_by_its_type_and_quotes_nothing(told: Told) -> None:
    spans = {span.name: span for span in told.trace(told.failed)}
    assert spans["stage C"].attributes["error.type"] == "ModelBadRequest"
    assert spans["ArticleWorkflow"].is_error
    assert "stage D" not in spans
    called = spans["chat offline-template"].attributes
    assert called["gen_ai.operation.name"] == "chat"
    assert called["gen_ai.provider.name"] == "offline"
    assert not any(
        "messages" in name or "instructions" in name for span in told.collector.spans for name in span.attributes
    )


def test_log_lines_of_a_model_call_have_every_id(told: Told) -> None:
    fields = set(_documented("Fields of log lines"))
    calls = [line for line in told.lines if line["event"] == "model_call_closed"]
    assert len(calls) == 11
    for line in calls:
        article = UUID(line["article"])
        assert line["workflow_id"] == f"article/{article}"
        assert line["trace_id"] == in_hex(trace_id_of(str(article)))
        assert {"run_id", "stage", "attempt", "call"} <= line.keys() <= fields | {"event"}
    (request,) = [line for line in told.lines if line.get("request_id") == REQUEST_ID and "operation" in line]
    assert (request["operation"], request["trace_id"]) == ("start_batch", CALLER)
