"""An approval waits, its worker is killed, another starts, the decision comes: the flow goes on from exactly there."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from temporalio.client import Client, WorkflowExecutionStatus

from src.application.decisions import Decided
from src.application.reviews import get_review, list_reviews
from src.bootstrap import Application
from src.domain.article import ArticleStatus
from src.domain.batch import Trigger
from src.domain.colour import BLUE
from src.domain.ids import ArticleId
from src.domain.review import ChangeReason, Verdict, WithdrawReason
from src.domain.stages import STAGES, Stage
from src.domain.usage import CallStatus
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import client as temporal_client
from src.infrastructure.temporal import ids
from src.infrastructure.temporal.messages import SiteBatchInput
from src.infrastructure.temporal.workflow_gateway import WorkflowGateway
from src.infrastructure.temporal.workflows.site_batch import SiteBatchWorkflow
from tests.applications import ANNA, an_application
from tests.engines import Engines
from tests.eventually import eventually
from tests.factories import a_site, longtails
from tests.finished_articles import finished_articles, save

from .conftest import Longtail, Records

SITE = "waiting-reviews"


async def test_a_review_outlives_its_worker_and_nothing_is_bought_again(
    application: Application,
    database: Database,
    client: Client,
    longtail: Longtail,
    records: Callable[[str], Records],
) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=SITE))
        await uow.longtails.add(SITE, longtails(2), source="test")
    slot = datetime.now(UTC).replace(microsecond=0)
    with longtail.start("worker", "--colour", BLUE) as first:
        batch = await client.start_workflow(
            SiteBatchWorkflow.run,
            SiteBatchInput(site=SITE, slot=slot, trigger=Trigger.MANUAL),
            id=ids.batch_run(SITE, slot),
            task_queue=ids.task_queue(BLUE),
        )
        await batch.result()
        approved, changed = [each.article_id for each in await list_reviews(database, by=ANNA, site=SITE, limit=10)]
        await eventually(lambda: waits(client, approved))
        first.kill()
    bought = await answered(records(SITE))
    assert bought == sorted(stage for stage in STAGES for _ in range(2))

    assert (await decided(application, approved, Verdict.approve())).is_told
    requested = await decided(application, changed, Verdict.request_changes(ChangeReason.METADATA, note="shorter"))
    assert requested.status is ArticleStatus.CHANGES_REQUESTED
    assert await answered(records(SITE)) == bought  # nobody is there to carry it out

    with longtail.start("worker", "--colour", BLUE):
        assert await client.get_workflow_handle(ids.review(approved)).result() == ArticleStatus.APPROVED

        async def is_back() -> bool:
            details = await get_review(database, changed, by=ANNA)
            return details.article.status is ArticleStatus.NEEDS_REVIEW and details.text.number == 2

        await eventually(is_back)
        again = await decided(application, changed, Verdict.approve())
        assert (again.status, again.decision.revision) == (ArticleStatus.APPROVED, 2)
        assert await client.get_workflow_handle(ids.review(changed)).result() == ArticleStatus.APPROVED
        assert (await decided(application, approved, Verdict.withdraw(WithdrawReason.MISTAKE))).is_told  # it had ended
        assert await client.get_workflow_handle(ids.review(approved)).result() == ArticleStatus.WITHDRAWN
    assert await answered(records(SITE)) == sorted([*bought, Stage.SEO_METADATA])


async def test_a_review_outlives_its_worker_temporal_and_the_database(engines: Engines, longtail: Longtail) -> None:
    environment = {"DATABASE_URL": engines.url.replace("+asyncpg", ""), "TEMPORAL_ADDRESS": engines.address}
    database = Database(create_engine(engines.url, pool_size=4))
    await schema.upgrade(database.engine)
    (ref,) = await finished_articles(database)
    await save(database, ref)
    client = await temporal_client.connect(engines.address)
    with longtail.start("worker", "--colour", BLUE, **environment) as first:
        await WorkflowGateway(client).start_review(ref.article_id, site=ref.site, keyword=ref.keyword, colour=BLUE)
        await eventually(lambda: waits(client, ref.article_id))
        first.kill()
    await database.close()
    for engine in ("temporal", "postgres"):
        await asyncio.to_thread(engines.kill, engine)
    await asyncio.to_thread(engines.start_postgres)
    await asyncio.to_thread(engines.start_temporal)
    client = await temporal_client.connect(engines.address)
    application = an_application(client, database)
    assert (await decided(application, ref.article_id, Verdict.approve())).is_told
    with longtail.start("worker", "--colour", BLUE, **environment):
        assert await client.get_workflow_handle(ids.review(ref.article_id)).result() == ArticleStatus.APPROVED
    await database.close()


async def decided(application: Application, article_id: ArticleId, verdict: Verdict) -> Decided:
    text = (await get_review(application.database, article_id, by=ANNA)).text
    acting = application.acting_as(ANNA)
    return await acting.decisions.decide(article_id, verdict, expected=text.content_hash)


async def waits(client: Client, article_id: ArticleId) -> bool:
    described = await client.get_workflow_handle(ids.review(article_id)).describe()
    is_running = described.status is WorkflowExecutionStatus.RUNNING
    return is_running and not described.raw_description.HasField("pending_workflow_task")


async def answered(site: Records) -> list[Stage]:
    return sorted(call.stage for _, call in await site.calls() if call.status is CallStatus.ANSWERED)
