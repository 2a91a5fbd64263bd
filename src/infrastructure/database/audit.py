"""The audit trail: who changed what, when, from what to what.

Nothing is decided from it. A row's number comes from the database, under a lock that lasts until the transaction ends:
numbers have no holes, and the last thing a transaction does is to record.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.paging import Excerpt, NumberPosition, Order, Page
from src.domain.permissions import Action
from src.domain.principal import Origin, Principal

from .tables import AuditEventRow

_HOLES_SHOWN = 100


class AuditEvent(BaseModel):
    """One change.

    ``before`` and ``after`` are what it changed, None where there was or is nothing.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    number: int  # from 1, without holes
    at: datetime
    who: str
    token: str | None  # as person/token
    origin: Origin | None  # None: not known, from an earlier version
    address: str | None  # a host, with the operating system's user; or of a request
    noun: str
    subject: str
    site: str | None
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Hole(BaseModel):
    """Numbers that are missing, from ``first`` to ``last``."""

    model_config = ConfigDict(frozen=True)

    first: int
    last: int


class AuditRepository:
    """The audit trail of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def record(
        self,
        action: Action,
        subject: str,
        *,
        by: Principal,
        site: str | None = None,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        """Record an action on what ``subject`` names.

        Others cannot record until this transaction ends: call it last.
        """
        await self._session.execute(
            insert(AuditEventRow).values(
                id=func.gen_random_uuid(),
                who=by.name,
                token=by.token,
                origin=by.origin,
                address=by.address,
                noun=action.noun,
                action=action.verb,
                subject=subject,
                site=site,
                before=before,
                after=after,
            )
        )

    async def list_for(self, noun: str, subject: str) -> list[AuditEvent]:
        """Return the changes of a subject, the oldest first."""
        rows = await self._session.scalars(
            select(AuditEventRow)
            .where(AuditEventRow.noun == noun, AuditEventRow.subject == subject)
            .order_by(AuditEventRow.number)
        )
        return [AuditEvent.model_validate(row) for row in rows]

    async def list_page(
        self, *, after: int, limit: int, since: datetime | None = None, site: str | None = None
    ) -> list[AuditEvent]:
        """Return up to ``limit`` events whose numbers are above ``after``."""
        wanted = select(AuditEventRow).where(AuditEventRow.number > after)
        if since is not None:
            wanted = wanted.where(AuditEventRow.at >= since)
        if site is not None:
            wanted = wanted.where(AuditEventRow.site == site)
        rows = await self._session.scalars(wanted.order_by(AuditEventRow.number).limit(limit))
        return [AuditEvent.model_validate(row) for row in rows]

    async def list_filtered(
        self,
        *,
        sites: Collection[str] | None,
        noun: str | None,
        who: str | None,
        since: datetime | None,
        excerpt: Excerpt[NumberPosition],
    ) -> Page[AuditEvent, NumberPosition]:
        """Return a page of events by number.

        ``sites`` None is all, and those of none."""
        number = AuditEventRow.number
        wanted = select(AuditEventRow)
        if sites is not None:
            wanted = wanted.where(AuditEventRow.site.in_(sites))
        if noun:
            wanted = wanted.where(AuditEventRow.noun == noun)
        if who:
            wanted = wanted.where(AuditEventRow.who == who)
        if since:
            wanted = wanted.where(AuditEventRow.at >= since)
        newest = excerpt.order is Order.NEWEST
        if after := excerpt.after:
            wanted = wanted.where(number < after.number if newest else number > after.number)
        rows = await self._session.scalars(
            wanted.order_by(number.desc() if newest else number).limit(excerpt.limit + 1)
        )
        found = [(AuditEvent.model_validate(row), NumberPosition(number=row.number)) for row in rows]
        return Page.of(found, excerpt.limit)

    # --- what verifying reads

    async def see_one_moment(self) -> None:
        """Let this transaction see nothing that others commit from now on.

        Call it first.
        """
        await self._session.connection(execution_options={"isolation_level": "REPEATABLE READ"})

    async def count(self) -> tuple[int, int]:
        """Return how many events there are, and the highest number."""
        row = await self._session.execute(select(func.count(), func.coalesce(func.max(AuditEventRow.number), 0)))
        count, last = row.one()
        return count, last

    async def list_holes(self) -> list[Hole]:
        """Return the first hundred gaps between numbers."""
        before = func.coalesce(func.lag(AuditEventRow.number).over(order_by=AuditEventRow.number), 0)
        numbered = select(AuditEventRow.number, before.label("before")).subquery()
        rows = await self._session.execute(
            select(numbered.c.before + 1, numbered.c.number - 1)
            .where(numbered.c.number > numbered.c.before + 1)
            .order_by(numbered.c.number)
            .limit(_HOLES_SHOWN)
        )
        return [Hole(first=first, last=last) for first, last in rows]

    async def list_last(self, noun: str, actions: Collection[str] | None = None) -> dict[str, AuditEvent]:
        """Return the last event of each subject, only of ``actions`` if given."""
        wanted = select(AuditEventRow).where(AuditEventRow.noun == noun)
        if actions is not None:
            wanted = wanted.where(AuditEventRow.action.in_(actions))
        newest = wanted.ext(distinct_on(AuditEventRow.subject)).order_by(
            AuditEventRow.subject, AuditEventRow.number.desc()
        )
        return {row.subject: AuditEvent.model_validate(row) for row in await self._session.scalars(newest)}
