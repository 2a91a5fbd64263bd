"""The whole chain over both vendors' wires: what goes wrong there is retried as the policies say, or ends the article.

Every fault has a site with one longtail and models of its own, so that all of them go wrong in the same seconds.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from llmock.scenarios import Fail, Match, Reply, StreamFault
from llmock.testing import LLMockServer
from pydantic import HttpUrl, SecretStr
from temporalio.client import Client

from src.agents import article, keyword_analysis, outline, seo_metadata
from src.agents.language_model import Completion, Prompt
from src.bootstrap import build_worker, worker_identity
from src.domain.article import Article, ArticleStatus
from src.domain.batch import Batch, BatchStatus
from src.domain.colour import Colour
from src.domain.longtail import LongtailStatus
from src.domain.stages import STAGES, Stage
from src.domain.usage import CallStatus
from src.infrastructure.database.model_calls import ModelCall
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.offline.writer import OfflineWriter
from src.infrastructure.llm.providers import Providers
from src.settings import OfflineSettings, Settings
from tests.applications import an_application
from tests.factories import PHRASES, a_site, longtails

from .conftest import Records

VENDORS = ("openai", "anthropic")
COLOUR = Colour("test-vendors")
SLOT = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
RETRY_AFTER_SECONDS = 3

Behaviour = Fail | Reply | StreamFault


@dataclass(frozen=True)
class Fault:
    """What stage C meets, and what it is called; ``final`` is never asked again."""

    name: str
    behaviour: Behaviour
    error_type: str
    final: bool = False


RATE_LIMIT = Fault("rate-limit", Fail(429, retry_after=RETRY_AFTER_SECONDS), "ModelRateLimited")
DISCONNECT = Fault("disconnect", StreamFault("disconnect", after_chunks=6), "ModelStreamTruncated")
REFUSAL = Fault("refusal", Reply(text="I'd rather not.", finish_reason="content_filter"), "ModelRefused", final=True)
FAULTS = (
    RATE_LIMIT,
    DISCONNECT,
    Fault("overload", Fail(529), "ModelOverloaded"),
    Fault("server-error", Fail(500), "ModelUnavailable"),
    Fault("truncation", StreamFault("truncate", after_chunks=3), "ModelStreamTruncated"),
    Fault("malformed", StreamFault("malformed", after_chunks=3), "ModelResponseMalformed"),
    Fault("bad-request", Fail(400), "ModelBadRequest", final=True),
    REFUSAL,
)


def cases(*, final: bool) -> list[Any]:
    """Parameters: a fault and the vendor that shows it."""
    chosen = [(fault, vendor) for fault in FAULTS if fault.final is final for vendor in VENDORS]
    return [pytest.param(fault, vendor, id=f"{fault.name}-{vendor}") for fault, vendor in chosen]


@pytest.fixture(scope="module")
def vendors() -> Iterator[LLMockServer]:
    with LLMockServer() as server:
        yield server


class Recorder:
    """The offline writer, keeping what it answered at each stage."""

    def __init__(self) -> None:
        self._writer = OfflineWriter(OfflineSettings.model_construct())
        self.answers: dict[Stage, str] = {}

    async def generate(self, prompt: Prompt) -> Completion:
        completion = await self._writer.generate(prompt)
        self.answers[prompt.stage] = completion.text
        return replace(completion, model="test")


async def good_answers(keyword: str) -> dict[Stage, str]:
    """What a model would answer, stage by stage."""
    model, site = Recorder(), a_site()
    analysis = await keyword_analysis.analyse(keyword, site=site, model=model)
    plan = await outline.plan(analysis, site=site, model=model)
    draft = await article.write(plan, keyword, site=site, model=model)
    await seo_metadata.describe(keyword, plan, draft.markdown[:1000], site=site, model=model)
    return model.answers


@asynccontextmanager
async def a_worker(client: Client, database: Database, vendors: LLMockServer, *, slots: int) -> AsyncIterator[None]:
    reached: dict[str, Any] = {f"{vendor}_base_url": HttpUrl(vendors.base_url(vendor)) for vendor in VENDORS}
    keys: dict[str, Any] = {f"{vendor}_api_key": SecretStr("test") for vendor in VENDORS}
    settings = Settings.model_construct(model_slots=slots, shutdown_grace=timedelta(seconds=20), **reached, **keys)
    async with Providers(settings) as providers:
        application = an_application(client, database, who=worker_identity(COLOUR), settings=settings)
        async with build_worker(application, providers, colour=COLOUR, strict=True):
            yield


async def add_site(database: Database, slug: str, *, written_by: dict[Stage, str], keywords: int) -> None:
    """A site whose models are called ``{slug}-a`` to ``{slug}-d``."""
    models = {stage: {"provider": vendor, "model": model_of(slug, stage)} for stage, vendor in written_by.items()}
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=slug, models=models))
        await uow.longtails.add(slug, longtails(keywords), source="test")


def model_of(site: str, stage: Stage) -> str:
    return f"{site}-{stage.lower()}"


async def run_batch(client: Client, database: Database, slug: str) -> None:
    """Run a batch to its end, whatever that is."""
    batches = an_application(client, database).batches
    started = await batches.start(slug, slot=SLOT, colour=COLOUR)
    await batches.wait(slug, started.workflow_id)


@dataclass(frozen=True)
class Ended:
    """What is left of a case: in our records, and in the vendors' own."""

    batch: Batch
    article: Article
    calls: list[ModelCall]
    requests: list[Any]

    def calls_of(self, stage: Stage) -> list[ModelCall]:
        return [call for call in self.calls if call.stage == stage]

    @property
    def asked(self) -> Counter[Stage]:
        return Counter(Stage(request.model[-1].upper()) for request in self.requests)


@pytest.fixture(scope="module")
async def ended(migrated: Database, client: Client, vendors: LLMockServer) -> dict[tuple[Fault, str], Ended]:
    answers = await good_answers(PHRASES[0])
    sites = {(fault, vendor): f"{fault.name}-{vendor}" for fault in FAULTS for vendor in VENDORS}
    for (fault, vendor), slug in sites.items():
        other = next(name for name in VENDORS if name != vendor)
        written_by = {stage: vendor if stage is Stage.ARTICLE else other for stage in STAGES}
        await add_site(migrated, slug, written_by=written_by, keywords=1)
        faulty = replace(fault.behaviour, match=Match(model=model_of(slug, Stage.ARTICLE)))
        well = [Reply(text=answers[stage], times=None, match=Match(model=model_of(slug, stage))) for stage in STAGES]
        vendors.state.scenarios.add(faulty, *well)
    async with a_worker(client, migrated, vendors, slots=len(sites)):
        await asyncio.gather(*(run_batch(client, migrated, slug) for slug in sites.values()))
    requests = [request for request in vendors.state.journal.records(wait=2) if request.model]
    vendors.state.reset()
    results = {}
    for case, slug in sites.items():
        records = Records(migrated, slug)
        [batch], [made] = await records.batches(), await records.articles()
        calls = [call for _, call in await records.calls()]
        results[case] = Ended(batch, made, calls, [r for r in requests if (r.model or "").startswith(f"{slug}-")])
        async with migrated.unit_of_work() as uow:
            await uow.sites.delete(slug)
    return results


@pytest.mark.parametrize(("fault", "vendor"), cases(final=False))
async def test_a_passing_fault_is_retried_once_and_the_article_stands(
    fault: Fault, vendor: str, ended: dict[tuple[Fault, str], Ended]
) -> None:
    case = ended[fault, vendor]
    assert case.batch.status is BatchStatus.COMPLETED
    assert case.article.status is ArticleStatus.NEEDS_REVIEW
    assert not case.article.offline
    assert case.asked == {stage: 2 if stage is Stage.ARTICLE else 1 for stage in STAGES}

    failed, *between, answered = case.calls_of(Stage.ARTICLE)
    assert {call.error_type for call in between} <= {"ModelUnreachable"}  # on a connection that was being closed
    assert (failed.status, failed.error_type, failed.attempt) == (CallStatus.FAILED, fault.error_type, 1)
    assert failed.error_message
    assert (answered.status, answered.error_type) == (CallStatus.ANSWERED, None)
    assert answered.attempt > failed.attempt  # attempts between them waited for the limiter, and asked nothing
    for call in case.calls:
        if call is not failed:
            assert call.input_tokens
            assert call.output_tokens


@pytest.mark.parametrize(("fault", "vendor"), cases(final=True))
async def test_a_final_fault_ends_the_article_at_its_stage_and_is_asked_once(
    fault: Fault, vendor: str, ended: dict[tuple[Fault, str], Ended]
) -> None:
    case = ended[fault, vendor]
    assert case.batch.status is BatchStatus.FAILED
    assert case.article.status is ArticleStatus.FAILED
    failure = case.article.failure
    assert failure is not None
    assert (failure.stage, failure.error_type, failure.attempts) == (Stage.ARTICLE, fault.error_type, 1)
    assert case.asked == {Stage.KEYWORD_ANALYSIS: 1, Stage.OUTLINE: 1, Stage.ARTICLE: 1}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_refusal_stays_in_the_ledger_as_paid_and_is_not_used_again(
    vendor: str, ended: dict[tuple[Fault, str], Ended]
) -> None:
    [refused] = ended[REFUSAL, vendor].calls_of(Stage.ARTICLE)
    assert (refused.status, refused.stop_reason) == (CallStatus.DISCARDED, "refused")
    assert refused.output_tokens


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_provider_is_left_alone_for_as_long_as_it_asked(
    vendor: str, ended: dict[tuple[Fault, str], Ended]
) -> None:
    first, second = (r for r in ended[RATE_LIMIT, vendor].requests if r.model.endswith("-c"))
    assert second.started_at - first.ended_at >= RETRY_AFTER_SECONDS


async def test_what_a_broken_stream_had_told_of_its_usage_is_kept(ended: dict[tuple[Fault, str], Ended]) -> None:
    broken = ended[DISCONNECT, "anthropic"].calls_of(Stage.ARTICLE)[0]  # the other vendor counts at the end only
    assert broken.input_tokens


async def test_a_wrong_key_ends_the_batch_before_anything_is_claimed(
    database: Database, client: Client, vendors: LLMockServer, records: Callable[[str], Records]
) -> None:
    await add_site(database, "wrong-key", written_by=dict.fromkeys(STAGES, "openai"), keywords=3)
    vendors.state.reset()
    vendors.state.scenarios.add(Fail(401, times=None))
    async with a_worker(client, database, vendors, slots=4):
        await run_batch(client, database, "wrong-key")

    [batch] = await records("wrong-key").batches()
    assert (batch.status, batch.error_type, batch.total) == (BatchStatus.FAILED, "ModelAuthenticationFailed", 0)
    assert [request.path for request in vendors.state.journal.records(wait=2)] == ["/v1/models"]
    async with database.unit_of_work() as uow:
        assert (await uow.longtails.count_by_status("wrong-key"))[LongtailStatus.READY] == 3


async def test_a_key_withdrawn_during_a_batch_is_not_tried_by_every_article(
    database: Database, client: Client, vendors: LLMockServer, records: Callable[[str], Records]
) -> None:
    await add_site(database, "withdrawn-key", written_by=dict.fromkeys(STAGES, "anthropic"), keywords=8)
    vendors.state.reset()
    vendors.state.scenarios.add(Fail(401, times=None, match=Match(path="*/messages")))
    async with a_worker(client, database, vendors, slots=2):
        await run_batch(client, database, "withdrawn-key")

    [batch] = await records("withdrawn-key").batches()
    assert (batch.status, batch.error_type) == (BatchStatus.FAILED, "ModelAuthenticationFailed")
    tried = [request for request in vendors.state.journal.records(wait=2) if request.path.endswith("/messages")]
    assert len(tried) == batch.failed <= 2
    async with database.unit_of_work() as uow:
        assert (await uow.longtails.count_by_status("withdrawn-key"))[LongtailStatus.READY] == 8 - batch.failed
