"""Publications: one on its way and one there, whatever is repeated.

Every change of a status is a function of this module. Whoever writes to a target locks it first, until the transaction
ends: pages, sitemap and feed of a site have one writer at a time.
"""

import hashlib
import zlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.errors import NotFound
from src.domain.ids import ArticleId
from src.domain.paging import Excerpt, MomentPosition, Page
from src.domain.publishing import (
    Listing,
    PublicationId,
    PublicationRecord,
    PublicationStatus,
    TargetName,
)

from .pages import in_order
from .tables import ArticleRevisionRow, PublicationRow

_COLUMNS = [getattr(PublicationRow, name) for name in PublicationRecord.model_fields]
_OPEN = [status for status in PublicationStatus if status.is_open]
_LIVE = [status for status in PublicationStatus if status.is_live]
_MOST_AT_ONCE = 500  # that one look of the watchdog sees to


class PublicationRepository:
    """The publications of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # --- what is read

    async def now(self) -> datetime:
        """Return the database's time, by which publications are due."""
        now: datetime | None = await self._session.scalar(select(func.clock_timestamp()))
        assert now is not None  # noqa: S101 - a row without a table
        return now

    async def get(self, publication_id: PublicationId) -> PublicationRecord:
        """Return the publication. Raises NotFound."""
        for publication in await self._read(PublicationRow.id == publication_id):
            return publication
        raise NotFound("publication", publication_id)

    async def find_many(self, publication_ids: Sequence[PublicationId]) -> list[PublicationRecord]:
        """Return those of the publications that there are."""
        return await self._read(PublicationRow.id.in_(publication_ids))

    async def list_for_article(
        self, article_id: ArticleId, *, target: TargetName | None = None
    ) -> list[PublicationRecord]:
        """Return the article's publications, the newest first."""
        of_target = PublicationRow.target == target if target else true()
        return await self._read(PublicationRow.article_id == article_id, of_target)

    async def list_all(
        self, *, site: str | None, status: PublicationStatus | None, limit: int
    ) -> list[PublicationRecord]:
        """Return publications, the newest first."""
        of_site = PublicationRow.site == site if site else true()
        return await self._read(of_site, PublicationRow.status == status if status else true(), limit=limit)

    async def list_page(
        self,
        *,
        sites: Collection[str] | None,
        article_id: ArticleId | None,
        statuses: Collection[PublicationStatus],
        excerpt: Excerpt[MomentPosition],
    ) -> Page[PublicationRecord, MomentPosition]:
        """Return a page of publications by when they were requested.

        ``sites`` None is all; no ``statuses`` are all.
        """
        statement = select(*_COLUMNS)
        if sites is not None:
            statement = statement.where(PublicationRow.site.in_(sites))
        if article_id is not None:
            statement = statement.where(PublicationRow.article_id == article_id)
        if statuses:
            statement = statement.where(PublicationRow.status.in_(statuses))
        rows = await self._session.execute(in_order(statement, PublicationRow.created_at, PublicationRow.id, excerpt))
        found = [PublicationRecord.model_validate(row) for row in rows]
        return Page.of([(each, MomentPosition(at=each.created_at, id=each.id)) for each in found], excerpt.limit)

    async def list_open(self, article_id: ArticleId) -> list[PublicationRecord]:
        """Return those that their workflow has something to do for."""
        return await self._read(PublicationRow.article_id == article_id, PublicationRow.status.in_(_OPEN))

    async def list_live(self, site: str) -> list[PublicationRecord]:
        """Return what the targets of the site have."""
        return await self._read(PublicationRow.site == site, PublicationRow.status.in_(_LIVE))

    async def count_at_targets(self, site: str) -> int:
        """Return how many pages the targets have, or may have."""
        maybe = [*_LIVE, PublicationStatus.PUBLISHING, PublicationStatus.TAKING_OFF]
        of_site = select(func.count()).where(PublicationRow.site == site, PublicationRow.status.in_(maybe))
        return await self._session.scalar(of_site) or 0

    async def list_overdue(self, *, older_than: timedelta) -> list[tuple[str, ArticleId]]:
        """Return site and article of what has been due for that time."""
        late = PublicationRow.due_at <= func.now() - older_than
        statement = select(PublicationRow.site, PublicationRow.article_id).where(PublicationRow.status.in_(_OPEN), late)
        rows = await self._session.execute(statement.distinct().limit(_MOST_AT_ONCE))
        return [(site, ArticleId(article_id)) for site, article_id in rows]

    async def find_last_out(self, article_id: ArticleId, target: TargetName) -> PublicationRecord | None:
        """Return the one that the target had last.

        Whether it still has it or not; None if it never had one."""
        its = (PublicationRow.article_id == article_id, PublicationRow.target == target)
        found = await self._read(
            *its, PublicationRow.live_at.is_not(None), order=PublicationRow.live_at.desc(), limit=1
        )
        return found[0] if found else None

    async def find_other_at(
        self, article_id: ArticleId, site: str, target: TargetName, path: str
    ) -> PublicationRecord | None:
        """Return another article's publication that has this address.

        Or is on its way there."""
        found = await self._read(
            *(PublicationRow.site == site, PublicationRow.target == target, PublicationRow.path == path),
            PublicationRow.article_id != article_id,
            PublicationRow.status.in_([*_OPEN, *_LIVE]),
            limit=1,
        )
        return found[0] if found else None

    async def get_page(self, publication_id: PublicationId) -> bytes:
        """Return the page's bytes."""
        packed: bytes | None = await self._session.scalar(
            select(PublicationRow.page).where(PublicationRow.id == publication_id)
        )
        if packed is None:
            raise NotFound("publication", publication_id)
        return zlib.decompress(packed)

    async def list_listings(self, site: str, target: TargetName) -> list[Listing]:
        """Return what sitemap and feed list.

        That is what the target has, but for pages that search engines may not index."""
        content = ArticleRevisionRow.content
        rows = await self._session.execute(
            select(
                PublicationRow.article_id,
                PublicationRow.canonical,
                content["title"].astext.label("title"),
                content["description"].astext.label("description"),
                func.coalesce(content["author"].astext, content["publisher"].astext).label("author"),
                PublicationRow.published_at,
                PublicationRow.modified_at,
            )
            .join(
                ArticleRevisionRow,
                (ArticleRevisionRow.article_id == PublicationRow.article_id)
                & (ArticleRevisionRow.number == PublicationRow.revision),
            )
            .where(
                *(PublicationRow.site == site, PublicationRow.target == target, PublicationRow.status.in_(_LIVE)),
                content["offline"].as_boolean().is_(False),
            )
        )
        return [Listing.model_validate(row) for row in rows]

    async def list_due_between(self, site: str, target: TargetName, first: datetime, end: datetime) -> list[datetime]:
        """Return when articles of the site go live first, in that time."""
        is_first = PublicationRow.published_at == func.date_trunc("second", PublicationRow.due_at)
        statement = select(PublicationRow.due_at).where(
            *(PublicationRow.site == site, PublicationRow.target == target),
            *(PublicationRow.due_at >= first, PublicationRow.due_at < end),
            PublicationRow.status.not_in([PublicationStatus.UNDONE, PublicationStatus.FAILED]),
            is_first,
        )
        return list(await self._session.scalars(statement))

    # --- what changes

    async def lock(self, site: str) -> None:
        """Wait until nobody else writes to the site's targets.

        Others are held back until the transaction ends."""
        name = func.hashtextextended(f"publications of {site}", 0)
        await self._session.execute(select(func.pg_advisory_xact_lock(name)))

    async def add(self, page: bytes, **columns: object) -> PublicationRecord:
        """Schedule a publication.

        Its article has no other open one at the target."""
        values = {"page": zlib.compress(page), "page_hash": hashlib.sha256(page).hexdigest(), **columns}
        added = await self._session.execute(insert(PublicationRow).values(values).returning(*_COLUMNS))
        return PublicationRecord.model_validate(added.one())

    async def begin(self, publication_id: PublicationId) -> PublicationRecord | None:
        """Note that the target is about to be asked.

        None if it is not due or was undone.
        """
        return await self._move(
            publication_id,
            PublicationStatus.PUBLISHING,
            PublicationRow.status == PublicationStatus.SCHEDULED,
            PublicationRow.due_at <= func.clock_timestamp(),
        )

    async def set_live(self, publication: PublicationRecord) -> None:
        """Note that the target has it, instead of the one before."""
        await self._session.execute(
            update(PublicationRow)
            .where(
                *(PublicationRow.article_id == publication.article_id, PublicationRow.target == publication.target),
                PublicationRow.status.in_(_LIVE),
                PublicationRow.id != publication.id,
            )
            .values(status=PublicationStatus.REPLACED, ended_at=func.now())
            .execution_options(synchronize_session=False)
        )
        live_at = func.coalesce(PublicationRow.live_at, func.now())
        await self._move(publication.id, PublicationStatus.PUBLISHED, live_at=live_at, problem=None)

    async def set_verified(self, publication_id: PublicationId, problem: str | None) -> PublicationRecord | None:
        """Note what reading it back found.

        None: it is what was sent."""
        if problem is None:
            return await self._move(publication_id, PublicationStatus.VERIFIED, verified_at=func.now(), problem=None)
        return await self._move(publication_id, PublicationStatus.PUBLISHED, problem=problem)

    async def undo(self, publication_id: PublicationId, problem: str | None = None) -> PublicationRecord | None:
        """End one that is scheduled; None if it is no longer."""
        return await self._move(publication_id, PublicationStatus.UNDONE, ended_at=func.now(), problem=problem)

    async def refuse(self, publication_id: PublicationId, problem: str) -> None:
        """Note that the target refuses to publish it or take it off."""
        if not await self._move(
            publication_id,
            PublicationStatus.FAILED,
            PublicationRow.status == PublicationStatus.PUBLISHING,
            ended_at=func.now(),
            problem=problem,
        ):
            await self._move(publication_id, PublicationStatus.PUBLISHED, problem=problem)  # it is still there

    async def note(self, publication_id: PublicationId, problem: str) -> None:
        """Note why the target cannot be asked; that is tried again."""
        await self._session.execute(
            update(PublicationRow)
            .where(PublicationRow.id == publication_id, PublicationRow.status.in_(_OPEN))
            .values(problem=problem)
            .execution_options(synchronize_session=False)
        )

    async def start_taking_off(self, publication_id: PublicationId) -> PublicationRecord | None:
        """Note that it is to be taken off.

        None if the target has not got it."""
        return await self._move(publication_id, PublicationStatus.TAKING_OFF)

    async def withdraw(self, article_id: ArticleId) -> bool:
        """Undo what is scheduled, and let what is there be taken off.

        Return whether something is to be taken off.
        """
        known = await self._read(PublicationRow.article_id == article_id)
        for each in known:
            if each.status is PublicationStatus.SCHEDULED:
                await self.undo(each.id)
        live = [each for each in known if each.status.is_live]
        return any([await self.start_taking_off(each.id) for each in live])

    async def set_taken_off(self, publication_id: PublicationId) -> None:
        """Note that the target has it no more."""
        await self._move(publication_id, PublicationStatus.TAKEN_OFF, ended_at=func.now(), problem=None)

    async def _move(
        self, publication_id: PublicationId, status: PublicationStatus, *which: ColumnElement[bool], **columns: object
    ) -> PublicationRecord | None:
        moved = await self._session.execute(
            update(PublicationRow)
            .where(
                PublicationRow.id == publication_id,
                PublicationRow.status.in_(PublicationStatus.sources(status)),
                *which,
            )
            .values(status=status, **columns)
            .returning(*_COLUMNS)
            .execution_options(synchronize_session=False)
        )
        row = moved.one_or_none()
        return PublicationRecord.model_validate(row) if row else None

    async def _read(
        self,
        *which: ColumnElement[bool],
        order: ColumnElement[Any] | None = None,
        limit: int | None = None,
    ) -> list[PublicationRecord]:
        ordered = PublicationRow.created_at.desc() if order is None else order
        statement = select(*_COLUMNS).where(*which).order_by(ordered, PublicationRow.id).limit(limit)
        rows = await self._session.execute(statement)
        return [PublicationRecord.model_validate(row) for row in rows]
