"""Holds: changed by one transaction at a time, and never while a batch opens, so that no batch slips through."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.hold import Hold, HoldDepth, HoldState
from src.domain.ids import ArticleId

from .models import ArticleRow, AuditEventRow, BatchRow, HoldRow

_NOUN = "hold"
_EVERY_SITE = "*"  # the audit trail's subject of a hold on all sites
_LOCK = func.hashtextextended("holds", 0)


class RunningBatch(BaseModel):
    """Where a running batch is to be told."""

    model_config = ConfigDict(frozen=True)

    site: str
    workflow_id: str
    articles: int


class HoldRepository:
    """The holds of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def upsert(self, site: str | None, *, depth: HoldDepth, note: str, by: str) -> None:
        """Hold the site, None for all, or change its hold; waits for batches that are opening."""
        version = await self._next_version()
        before = await self._lasting(site)
        after = {"depth": depth.value, "note": note}
        if before is None:
            await self._session.execute(insert(HoldRow).values(site=site, version=version, held_by=by, **after))
        else:
            await self._change(before, version=version, **after)
        await self._note(site, who=by, action="set", before=_json(before), after=after)

    async def release(self, site: str | None, *, by: str) -> bool:
        """End the hold on the site, None for that on all. Returns whether there was one."""
        version = await self._next_version()
        lasting = await self._lasting(site)
        if lasting is None:
            return False
        await self._change(lasting, version=version, released_by=by, released_at=func.now())
        await self._note(site, who=by, action="release", before=_json(lasting), after=None)
        return True

    async def get_state(self, site: str, *, opening: bool = False) -> HoldState:
        """What holds for the site. ``opening``: let no hold change until this transaction's batch can be seen."""
        if opening:
            await self._session.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))
        depths = func.array_agg(HoldRow.depth).filter(HoldRow.released_at.is_(None))
        row = await self._session.execute(
            select(func.coalesce(func.max(HoldRow.version), 0), depths).where(_concerns(site))
        )
        version, held = row.one()
        return HoldState.of((HoldDepth(depth) for depth in held or ()), version=version)

    async def list_current(self, site: str | None = None) -> list[Hold]:
        """The holds that last, the one on all sites first; with ``site`` those that concern it."""
        statement = select(HoldRow).where(HoldRow.released_at.is_(None)).order_by(HoldRow.site.nulls_first())
        if site is not None:
            statement = statement.where(_concerns(site))
        return [Hold.model_validate(row) for row in await self._session.scalars(statement)]

    # --- whom a change concerns

    async def running_batches(self, site: str | None) -> list[RunningBatch]:
        """Batches that have not ended, of the site or of all."""
        articles = select(func.count()).where(ArticleRow.batch_id == BatchRow.id).scalar_subquery()
        statement = select(BatchRow.site, BatchRow.workflow_id, articles.label("articles"))
        statement = statement.where(BatchRow.status == BatchStatus.RUNNING)
        if site is not None:
            statement = statement.where(BatchRow.site == site)
        return [RunningBatch(**row) for row in (await self._session.execute(statement)).mappings()]

    async def unfinished_articles(self, site: str | None) -> list[tuple[str, ArticleId]]:
        """Site and id of every article that has not ended, of the site or of all; those under way first."""
        unfinished = (ArticleStatus.GENERATING, ArticleStatus.QUEUED)
        statement = select(ArticleRow.site, ArticleRow.id).where(ArticleRow.status.in_(unfinished))
        if site is not None:
            statement = statement.where(ArticleRow.site == site)
        rows = await self._session.execute(statement.order_by(ArticleRow.status, ArticleRow.position))
        return [(slug, ArticleId(article_id)) for slug, article_id in rows]

    # --- rows

    async def _next_version(self) -> int:
        """Wait until no other transaction changes a hold or opens a batch, and number this change."""
        await self._session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        return await self._session.scalar(select(func.coalesce(func.max(HoldRow.version), 0) + 1)) or 1

    async def _lasting(self, site: str | None) -> Hold | None:
        row = await self._session.scalar(select(HoldRow).where(*_is_lasting(site)))
        return Hold.model_validate(row) if row else None

    async def _change(self, hold: Hold, **columns: Any) -> None:  # noqa: ANN401 - columns of holds
        await self._session.execute(update(HoldRow).where(*_is_lasting(hold.site)).values(**columns))

    async def _note(self, site: str | None, **columns: Any) -> None:  # noqa: ANN401 - columns of audit_events
        subject = site or _EVERY_SITE
        await self._session.execute(
            insert(AuditEventRow).values(id=func.gen_random_uuid(), noun=_NOUN, subject=subject, **columns)
        )


def _concerns(site: str) -> ColumnElement[bool]:
    return or_(HoldRow.site == site, HoldRow.site.is_(None))


def _is_lasting(site: str | None) -> tuple[ColumnElement[bool], ...]:
    return HoldRow.site.is_not_distinct_from(site), HoldRow.released_at.is_(None)


def _json(hold: Hold | None) -> dict[str, Any] | None:
    return hold.model_dump(mode="json", include={"depth", "note"}) if hold else None
