"""Rows of probes, and a session that does not see them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, event, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from src.domain.article import ArticleRef
from src.domain.batch import Trigger
from src.domain.colour import Colour
from src.domain.ids import ArticleId, BatchId, LongtailId
from src.domain.longtail import Longtail, LongtailStatus
from src.domain.probe import PROBE_KEYWORD, PROBE_SITE, probe_site

from .tables import (
    AlertRow,
    ArticleRow,
    BatchArticleRow,
    BatchRow,
    LongtailRow,
    ModelCallRow,
    PublicationRow,
    ReviewRow,
    SiteRow,
)

_OF_A_SITE = (AlertRow, ArticleRow, BatchRow, LongtailRow, ModelCallRow, PublicationRow, ReviewRow)
_WITHOUT_PROBES = (
    with_loader_criteria(SiteRow, SiteRow.slug != PROBE_SITE, include_aliases=True),
    *(with_loader_criteria(row, row.site.is_distinct_from(PROBE_SITE), include_aliases=True) for row in _OF_A_SITE),
)


class SessionWithoutProbes(Session):
    """A session whose every SELECT leaves out what a probe made."""


@event.listens_for(SessionWithoutProbes, "do_orm_execute")
def _leave_out_probes(state: ORMExecuteState) -> None:
    if state.is_select and not state.is_column_load and not state.is_relationship_load:
        state.statement = state.statement.options(*_WITHOUT_PROBES)


class ProbeRepository:
    """The probes of one unit of work, which has to see them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def plant(self, colour: Colour, *, workflow_id: str) -> ArticleRef:
        """Insert a site, a longtail, a batch and its one queued article."""
        site, longtail = probe_site(), Longtail(phrase=PROBE_KEYWORD)
        description: dict[str, Any] = site.model_dump(mode="json")
        longtail_id, batch_id, article_id = LongtailId(uuid4()), BatchId(uuid4()), ArticleId(uuid4())
        now = datetime.now(UTC)
        named = {"site": PROBE_SITE}
        await self._insert(SiteRow, slug=PROBE_SITE, description=description)
        await self._insert(
            LongtailRow,
            **(named | longtail.model_dump()),
            id=longtail_id,
            key=longtail.key,
            source="a deployment",
            status=LongtailStatus.CLAIMED,
        )
        await self._insert(
            BatchRow,
            **named,
            id=batch_id,
            slot=now,
            trigger=Trigger.MANUAL,
            colour=colour,
            workflow_id=workflow_id,
            run_id="",
        )
        await self._insert(
            ArticleRow,
            **named,
            id=article_id,
            batch_id=batch_id,
            longtail_id=longtail_id,
            keyword=longtail.phrase,
            brief={"date": f"{now:%Y-%m-%d}", "site": description},
        )
        await self._insert(BatchArticleRow, batch_id=batch_id, article_id=article_id, position=0)
        return ArticleRef(article_id=article_id, site=PROBE_SITE, keyword=longtail.phrase)

    async def list_ids(self) -> list[ArticleId]:
        """Return the articles of all probes that were not removed."""
        return list(await self._session.scalars(select(ArticleRow.id).where(ArticleRow.site == PROBE_SITE)))

    async def remove(self) -> None:
        """Delete every row that probes left; safe to repeat."""
        await self._session.execute(delete(ModelCallRow).where(ModelCallRow.site == PROBE_SITE))
        await self._session.execute(delete(SiteRow).where(SiteRow.slug == PROBE_SITE))

    async def _insert(self, row: type[Any], **columns: object) -> None:
        await self._session.execute(insert(row).values(**columns))
