"""Runs one agent as one activity.

What was finished is returned, what was paid is parsed, only the rest is bought.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from structlog.contextvars import bound_contextvars
from temporalio import activity

from src.agents import article, keyword_analysis, outline, seo_metadata
from src.agents.changes import Changes
from src.agents.language_model import LanguageModel
from src.domain.article import ArticleRef
from src.domain.errors import ArtefactTooLarge
from src.domain.site import Site
from src.domain.stages import Artefact, Draft, KeywordAnalysis, Outline, SeoMetadata, Stage
from src.infrastructure.database.stage_outputs import StageResult
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.call_owner import Attempt, CallOwner
from src.infrastructure.llm.ledger import Ledger
from src.infrastructure.llm.providers import Providers

from .. import policies
from ..messages import AnalyseKeyword, DescribeArticle, PlanOutline, WriteArticle
from .changes import read_changes
from .heartbeat import heartbeats
from .stage_errors import StageErrors

A = TypeVar("A", bound=Artefact)
Agent: TypeAlias = Callable[[Site, LanguageModel, Changes | None], Awaitable[A]]


class StageActivities:
    """Agents A to D with the ledger between them and their models."""

    def __init__(self, database: Database, providers: Providers, *, owner: CallOwner, patience: timedelta) -> None:
        """``patience`` is how long outages of a provider are waited for."""
        self._database = database
        self._providers = providers
        self._owner = owner
        self._failures = StageErrors(database, patience=patience)

    @activity.defn
    async def analyse_keyword(self, request: AnalyseKeyword) -> KeywordAnalysis:
        """Run stage A."""
        keyword = request.article.keyword

        async def agent(site: Site, model: LanguageModel, _: Changes | None) -> KeywordAnalysis:
            return await keyword_analysis.analyse(keyword, site=site, model=model)

        return await self._run(Stage.KEYWORD_ANALYSIS, request.article, KeywordAnalysis, agent)

    @activity.defn
    async def plan_outline(self, request: PlanOutline) -> Outline:
        """Run stage B."""

        async def agent(site: Site, model: LanguageModel, changes: Changes | None) -> Outline:
            return await outline.plan(request.analysis, site=site, model=model, changes=changes)

        return await self._run(Stage.OUTLINE, request.article, Outline, agent)

    @activity.defn
    async def write_article(self, request: WriteArticle) -> Draft:
        """Run stage C."""

        async def agent(site: Site, model: LanguageModel, changes: Changes | None) -> Draft:
            return await article.write(
                request.outline, request.article.keyword, site=site, model=model, changes=changes
            )

        return await self._run(Stage.ARTICLE, request.article, Draft, agent)

    @activity.defn
    async def describe_article(self, request: DescribeArticle) -> SeoMetadata:
        """Run stage D."""

        async def agent(site: Site, model: LanguageModel, changes: Changes | None) -> SeoMetadata:
            return await seo_metadata.describe(
                request.article.keyword, request.outline, request.opening, site=site, model=model, changes=changes
            )

        return await self._run(Stage.SEO_METADATA, request.article, SeoMetadata, agent)

    async def _run(self, stage: Stage, article: ArticleRef, kind: type[A], agent: Agent[A]) -> A:
        attempt = activity.info().attempt
        async with heartbeats(), self._owner.slots:
            with bound_contextvars(
                site=article.site, article=str(article.article_id), stage=stage.value, attempt=attempt
            ):
                async with self._failures.recorded(article, stage):
                    return await self._make(stage, article, kind, agent)

    async def _make(self, stage: Stage, article: ArticleRef, kind: type[A], agent: Agent[A]) -> A:
        """Return the stage's output, made now if it is not there."""
        site, stored, rejected = await self._database.run_autocommit(
            lambda uow: uow.stage_outputs.get_with_site(article.article_id, article.revision, stage)
        )
        if stored is None:
            model = self._providers.model_for(site, stage)
            ledger = Ledger(self._database, model, article=article, attempt=self._attempt(), owner=self._owner)
            changes = (
                await self._database.run_in_transaction(
                    lambda uow: read_changes(uow, article, stage, rejected=rejected)
                )
                if article.revision > 1 or rejected
                else None
            )
            stored = await self._keep(stage, article, await agent(site, ledger, changes), ledger)
        return _small_enough(kind.model_validate(stored), stage)

    async def _keep(self, stage: Stage, article: ArticleRef, artefact: A, ledger: Ledger) -> Mapping[str, Any]:
        info = activity.info()
        result = StageResult(
            artefact=artefact.model_dump(mode="json"),
            idempotency_key=f"{info.workflow_id}/{info.workflow_run_id}/{info.activity_id}",
            worker=self._owner.instance,
            colour=self._owner.colour,
            code_version=self._owner.code_version,
            **ledger.provenance.model_dump(),
        )
        key = (article.article_id, article.revision, stage)
        if await self._database.run_autocommit(lambda uow: uow.stage_outputs.insert_if_absent(*key, result)):
            return result.artefact
        return await self._database.run_autocommit(lambda uow: uow.stage_outputs.find_artefact(*key)) or result.artefact

    def _attempt(self) -> Attempt:
        info = activity.info()
        stopping = self._owner.stopping
        return Attempt(
            number=info.attempt,
            priority=info.priority.priority_key or policies.ORDINARY_PRIORITY,
            is_given_up=self._is_given_up,
            until_stopping=stopping.wait if stopping else activity.wait_for_worker_shutdown,
        )

    def _is_given_up(self) -> bool:
        """Return whether Temporal no longer waits for this attempt.

        Its heartbeats came too late or not at all, or its worker was replaced and had its grace.
        """
        details = activity.cancellation_details()
        if details is None:
            return False
        if details.worker_shutdown:
            return self._owner.stopping is not None and not self._owner.stopping.is_set()
        return details.timed_out or details.not_found


def _small_enough(artefact: A, stage: Stage) -> A:
    size = len(artefact.model_dump_json().encode())
    if size > policies.LARGEST_ARTEFACT_BYTES:
        raise ArtefactTooLarge(stage, size=size, limit=policies.LARGEST_ARTEFACT_BYTES)
    return artefact
