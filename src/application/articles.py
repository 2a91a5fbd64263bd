"""Shows articles.

Starts those that stopped again, at the stage that failed or as a new revision.
"""

from collections.abc import Collection, Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from src.domain.article import Article, ArticleRef, ArticleStatus
from src.domain.colour import Colour
from src.domain.deployment import colour_for
from src.domain.errors import Conflict, ConflictReason, Hint
from src.domain.finding import RevisionFinding
from src.domain.hold import HoldState
from src.domain.ids import ArticleId, BatchId
from src.domain.paging import Excerpt, MomentPosition, Page
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.rate_limit import ModelWait
from src.domain.revision import Revision, RevisionSummary
from src.domain.stages import STAGES, Stage
from src.infrastructure.database.model_calls import ModelCall
from src.infrastructure.database.stage_failures import LastFailure
from src.infrastructure.database.stage_outputs import StageOutput
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.infrastructure.temporal import ids

from .waits import NamesModels, list_waits

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway


class ArticleDetails(BaseModel):
    """An article with its finished stages and its model calls."""

    model_config = ConfigDict(frozen=True)

    article: Article
    stages: list[StageOutput]  # of its revision, in their order
    revisions: list[RevisionSummary]  # of its text, oldest first
    findings: list[RevisionFinding]  # in the newest of them, the worst first
    model_calls: list[ModelCall]  # of all revisions, in the order in which they were opened
    waits: list[ModelWait]  # models that it waits for; none once it ended

    @property
    def workflow_id(self) -> str:
        """Return the id under which Temporal shows its workflow."""
        return ids.article(self.article.id)


class ArticleOverview(BaseModel):
    """An article without texts, outputs and calls."""

    model_config = ConfigDict(frozen=True)

    article: Article
    workflow_id: str  # under which Temporal shows its workflow
    revisions: list[RevisionSummary]  # of its text, oldest first
    findings: list[RevisionFinding]  # in the newest of them, the worst first


class ArticlePage(BaseModel):
    """An article's complete HTML page and its slug."""

    model_config = ConfigDict(frozen=True)

    article: Article
    html: str
    slug: str | None


class StartedArticle(BaseModel):
    """An article whose workflow was started."""

    model_config = ConfigDict(frozen=True)

    article: ArticleRef
    colour: Colour  # whose workers make it
    hold: HoldState  # what it waits for, if its depth is set
    has_workers: bool  # False: no worker of its colour is polling


async def list_articles(
    database: Database, *, by: Principal, site: str | None = None, status: ArticleStatus | None = None, limit: int
) -> list[Article]:
    """Return the articles that somebody may read, newest batch first.

    Each batch is in its order. Raises NotFound, and NotPermitted.
    """
    sites = by.sites_of(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        if site:
            await uow.sites.get(site)
        return await uow.articles.list_all(sites=sites, status=status, limit=limit)


async def list_article_page(  # noqa: PLR0913 - each is a filter
    database: Database,
    *,
    by: Principal,
    site: str | None = None,
    batch_id: BatchId | None = None,
    statuses: Collection[ArticleStatus] = (),
    containing: str | None = None,
    struggling: bool = False,
    excerpt: Excerpt[MomentPosition],
) -> Page[Article, MomentPosition]:
    """Return a page of the articles that somebody may read.

    They are in the order in which they were made. Raises NotFound for an unknown site, and NotPermitted.
    """
    sites = by.sites_of(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        if site:
            await uow.sites.get(site)
        return await uow.articles.list_page(
            sites=sites,
            batch_id=batch_id,
            statuses=statuses,
            containing=containing,
            struggling=struggling,
            excerpt=excerpt,
        )


async def list_failures(database: Database, articles: Sequence[Article]) -> dict[ArticleId, LastFailure]:
    """Return the newest failure of each article that is being made."""
    under_way = {each.id: each.stage_revision for each in articles if each.status is ArticleStatus.GENERATING}
    async with database.unit_of_work() as uow:
        found = await uow.stage_failures.list_for(list(under_way)) if under_way else []
    return {each.article_id: each for each in found if each.revision == under_way[each.article_id]}


async def read_article(database: Database, article_id: ArticleId, *, by: Principal) -> ArticleOverview:
    """Return the article with its revisions and the newest one's findings.

    Raises NotFound, and NotPermitted.
    """
    async with database.unit_of_work() as uow:
        article = await _readable(uow, article_id, by)
        revisions = await uow.revisions.list_for_article(article_id)
        findings = await uow.findings.list_for_revision(article_id, revisions[-1].number) if revisions else []
    return ArticleOverview(article=article, workflow_id=ids.article(article_id), revisions=revisions, findings=findings)


async def read_stages(database: Database, article_id: ArticleId, *, by: Principal) -> list[StageOutput]:
    """Return the finished stages of the article's current stage revision.

    Raises NotFound, and NotPermitted.
    """
    async with database.unit_of_work() as uow:
        article = await _readable(uow, article_id, by)
        return await uow.stage_outputs.list_for_article(article_id, article.stage_revision)


async def read_calls(database: Database, article_id: ArticleId, *, by: Principal) -> list[ModelCall]:
    """Return the article's model calls, the oldest first.

    Raises NotFound, and NotPermitted.
    """
    async with database.unit_of_work() as uow:
        await _readable(uow, article_id, by)
        return await uow.model_calls.list_for_article(article_id)


async def read_revision(database: Database, article_id: ArticleId, number: int, *, by: Principal) -> Revision:
    """Return a revision with its text. Raises NotFound, and NotPermitted."""
    async with database.unit_of_work() as uow:
        await _readable(uow, article_id, by)
        return await uow.revisions.get(article_id, number)


async def read_findings(
    database: Database, article_id: ArticleId, number: int, *, by: Principal
) -> list[RevisionFinding]:
    """Return what was found in a revision, the worst first.

    Raises NotFound, and NotPermitted.
    """
    async with database.unit_of_work() as uow:
        await _readable(uow, article_id, by)
        await uow.revisions.get(article_id, number)
        return await uow.findings.list_for_revision(article_id, number)


async def _readable(uow: UnitOfWork, article_id: ArticleId, by: Principal) -> Article:
    article = await uow.articles.get(article_id)
    by.require(Action.SITE_READ, article.site)
    return article


async def list_article_ids(database: Database, prefix: str, *, limit: int) -> list[ArticleId]:
    """Return ids of articles that begin with ``prefix``, in lower case."""
    async with database.unit_of_work() as uow:
        return await uow.articles.list_ids_by_prefix(prefix, limit=limit)


async def get_article_details(
    database: Database, article_id: ArticleId, *, by: Principal, names_models: NamesModels | None = None
) -> ArticleDetails:
    """Return the article with its stages, model calls and waits.

    Raises NotFound, and NotPermitted.
    """
    async with database.unit_of_work() as uow:
        article = await _readable(uow, article_id, by)
        revisions = await uow.revisions.list_for_article(article_id)
        return ArticleDetails(
            article=article,
            revisions=revisions,
            findings=await uow.findings.list_for_revision(article_id, revisions[-1].number) if revisions else [],
            stages=await uow.stage_outputs.list_for_article(article_id, article.stage_revision),
            model_calls=await uow.model_calls.list_for_article(article_id),
            waits=await list_waits(uow, article.site, [article], names_models),
        )


async def get_page(database: Database, article_id: ArticleId, *, by: Principal) -> ArticlePage:
    """Return the page of the article's newest revision.

    That of an older version where it has no revision. Raises NotFound, NotPermitted, and Conflict for an article that
    has none yet.
    """
    from src.rendering.page import preview  # noqa: PLC0415 - its template engine is slow to load, and lists need none

    async with database.unit_of_work() as uow:
        article = await _readable(uow, article_id, by)
        if revision := await uow.revisions.find_latest(article_id):
            html = preview(revision.content, revision.created_at.astimezone(UTC))
            return ArticlePage(article=article, html=html, slug=revision.content.slug)
        stored = await uow.articles.find_html(article_id)
        if stored is None:
            raise Conflict(ConflictReason.ARTICLE_HAS_NO_PAGE, article_id, hint=Hint.SHOW_ARTICLE)
        return ArticlePage(
            article=article, html=stored, slug=await uow.stage_outputs.find_slug(article_id, article.stage_revision)
        )


class Articles:
    """Articles as one person starts them again."""

    def __init__(self, database: Database, workflows: "WorkflowGateway", *, by: Principal) -> None:
        self._database = database
        self._workflows = workflows
        self._by = by

    async def retry(self, article_id: ArticleId, *, colour: Colour | None = None) -> StartedArticle:
        """Start the article again at the stage that failed.

        Finished stages are kept.

        One that is under way is left to its workflow, and gets one if that was terminated. Raises NotFound,
        NotPermitted, and Conflict when the article is complete or its longtail was taken by another.
        """

        async def prepare(uow: UnitOfWork) -> ArticleRef:
            before = await self._get(uow, article_id, Action.ARTICLE_RETRY)
            ref = await uow.articles.prepare_retry(article_id, from_stage=None)
            await self._record(uow, Action.ARTICLE_RETRY, before)
            return ref

        return await self._start(await self._database.run_in_transaction(prepare), colour)

    async def revise(self, article_id: ArticleId, *, from_stage: Stage, colour: Colour | None = None) -> StartedArticle:
        """Make ``from_stage`` and the stages after it again.

        It is the next stage revision; earlier stages are kept.

        Raises NotFound, NotPermitted, and Conflict when the article has not ended or its longtail was taken by another.
        """

        async def prepare(uow: UnitOfWork) -> ArticleRef:
            before = await self._get(uow, article_id, Action.ARTICLE_REVISE)
            ref = await uow.articles.prepare_retry(article_id, from_stage=from_stage)
            kept = STAGES[: STAGES.index(from_stage)]
            await uow.stage_outputs.copy_to_revision(
                article_id, revision=before.stage_revision, to=ref.revision, stages=kept
            )
            await self._record(uow, Action.ARTICLE_REVISE, before, from_stage=from_stage)
            return ref

        return await self._start(await self._database.run_in_transaction(prepare), colour)

    async def _get(self, uow: UnitOfWork, article_id: ArticleId, action: Action) -> Article:
        article = await uow.articles.get(article_id)
        self._by.require(action, article.site)
        return article

    async def _record(
        self, uow: UnitOfWork, action: Action, before: Article, *, from_stage: Stage | None = None
    ) -> None:
        stage_revision = before.stage_revision + (from_stage is not None)
        await uow.audit.record(
            action,
            str(before.id),
            by=self._by,
            site=before.site,
            before={"status": before.status.value, "stage_revision": before.stage_revision},
            after={"stage_revision": stage_revision, "from_stage": from_stage.value if from_stage else None},
        )

    async def _start(self, article: ArticleRef, asked: Colour | None) -> StartedArticle:
        colour, hold = asked or await self._route(article), await self._hold_of(article)
        await self._workflows.start_article(article, colour=colour, hold=hold)
        latest = await self._hold_of(article)  # it may have changed before the workflow could be signalled
        if latest.version > hold.version:
            await self._workflows.signal_articles([(article.site, article.article_id)], {article.site: latest})
        has_workers = await self._workflows.has_workers(colour)
        return StartedArticle(article=article, colour=colour, hold=latest, has_workers=has_workers)

    async def _route(self, article: ArticleRef) -> Colour:
        async with self._database.unit_of_work() as uow:
            routing = await uow.routing.read()
        return colour_for(article.article_id, home=routing.active, canary=routing.canary)

    async def _hold_of(self, article: ArticleRef) -> HoldState:
        async with self._database.unit_of_work() as uow:
            return await uow.holds.get_state(article.site)
