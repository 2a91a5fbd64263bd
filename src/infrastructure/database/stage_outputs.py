"""Stage outputs: stored once each.

A second writer gets what the first one stored.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, bindparam, literal, select
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.errors import NotFound
from src.domain.ids import ArticleId
from src.domain.site import Site
from src.domain.stages import Stage

from .tables import ArticleRow, SiteRow, StageOutputRow


class Provenance(BaseModel):
    """Which prompt and model made an output."""

    model_config = ConfigDict(frozen=True)

    prompt: str  # file and version
    prompt_hash: str
    provider: str
    model: str  # as the response named it


class StageResult(Provenance):
    """What a stage made, before it is stored."""

    artefact: dict[str, Any]
    idempotency_key: str  # workflow id / run id / activity id
    worker: str | None = None
    colour: str | None = None
    code_version: str | None = None


class StageOutput(BaseModel):
    """A finished stage: its artefact and what made it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    stage: Stage
    artefact: dict[str, Any]
    prompt: str
    prompt_hash: str
    provider: str
    model: str
    idempotency_key: str
    created_at: datetime


# Built once: putting such a statement together costs more than running it.
_INSERT = (
    insert(StageOutputRow)
    .values({column.name: bindparam(column.name) for column in StageOutputRow.__table__.c if not column.server_default})
    .on_conflict_do_nothing()
    .returning(StageOutputRow.stage)
)
_ARTEFACT = select(StageOutputRow.artefact).where(
    StageOutputRow.article_id == bindparam("article_id"),
    StageOutputRow.revision == bindparam("revision"),
    StageOutputRow.stage == bindparam("stage"),
)
_WITH_SITE = (
    select(SiteRow.description, ArticleRow.brief, StageOutputRow.artefact)
    .join(ArticleRow, ArticleRow.site == SiteRow.slug)
    .outerjoin(
        StageOutputRow,
        and_(
            StageOutputRow.article_id == ArticleRow.id,
            StageOutputRow.revision == bindparam("revision"),
            StageOutputRow.stage == bindparam("stage"),
        ),
    )
    .where(ArticleRow.id == bindparam("article_id"))
)


class StageOutputRepository:
    """The stage outputs of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def insert_if_absent(self, article_id: ArticleId, revision: int, stage: Stage, result: StageResult) -> bool:
        """Store the stage's output.

        Return whether it had none before; else nothing is stored.
        """
        row = {"article_id": article_id, "revision": revision, "stage": stage, **result.model_dump()}
        return await self._session.scalar(_INSERT, row) is not None

    async def find_artefact(self, article_id: ArticleId, revision: int, stage: Stage) -> Mapping[str, Any] | None:
        """Return the stage's artefact, None before it finished."""
        artefact: Mapping[str, Any] | None = await self._session.scalar(
            _ARTEFACT, {"article_id": article_id, "revision": revision, "stage": stage}
        )
        return artefact

    async def get_with_site(
        self, article_id: ArticleId, revision: int, stage: Stage
    ) -> tuple[Site, Mapping[str, Any] | None, str | None]:
        """Return the article's site, and the stage's artefact if it finished.

        Then why an article before it was rejected.

        The site is that of the article's brief, with the models that it has now. Raises NotFound.
        """
        key = {"article_id": article_id, "revision": revision, "stage": stage}
        found = (await self._session.execute(_WITH_SITE, key)).one_or_none()
        if found is None:
            raise NotFound("article", article_id)
        return _site(found.description, found.brief), found.artefact, found.brief.get("review")

    async def get_site(self, article_id: ArticleId) -> Site:
        """Return the article's site as ``get_with_site`` does. Raises NotFound."""
        statement = select(SiteRow.description, ArticleRow.brief).join(ArticleRow, ArticleRow.site == SiteRow.slug)
        found = (await self._session.execute(statement.where(ArticleRow.id == article_id))).one_or_none()
        if found is None:
            raise NotFound("article", article_id)
        return _site(found.description, found.brief)

    async def list_for_article(self, article_id: ArticleId, revision: int) -> list[StageOutput]:
        """Return the finished stages in their order."""
        rows = await self._session.scalars(
            select(StageOutputRow)
            .where(StageOutputRow.article_id == article_id, StageOutputRow.revision == revision)
            .order_by(StageOutputRow.stage)
        )
        return [StageOutput.model_validate(row) for row in rows]

    async def find_slug(self, article_id: ArticleId, revision: int) -> str | None:
        """Return the slug that stage D chose, None before it finished."""
        metadata = await self.find_artefact(article_id, revision, Stage.SEO_METADATA)
        return metadata["slug"] if metadata else None

    async def copy_to_revision(self, article_id: ArticleId, *, revision: int, to: int, stages: Iterable[Stage]) -> None:
        """Copy outputs into a new revision, so that they are kept."""
        copied = [column for column in StageOutputRow.__table__.columns if column.name != "revision"]
        source = select(*copied, literal(to)).where(
            StageOutputRow.article_id == article_id,
            StageOutputRow.revision == revision,
            StageOutputRow.stage.in_(list(stages)),
        )
        names = [*(column.name for column in copied), "revision"]
        await self._session.execute(plain_insert(StageOutputRow).from_select(names, source))


def _site(now: Mapping[str, Any], brief: Mapping[str, Any]) -> Site:
    return Site.model_validate({**brief["site"], "models": now.get("models", {})})
