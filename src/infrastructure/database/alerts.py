"""Alerts of the watchdog.

At most one is open for each subject of a kind.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.alert import SLOT_KINDS, Alert, AlertKind, Finding, SlotAlert
from src.domain.paging import Excerpt, MomentPosition, Page

from .pages import in_order
from .tables import AlertRow, SiteRow

_ROWS_A_STATEMENT = 1000  # PostgreSQL takes 65,535 parameters a statement


@dataclass(frozen=True)
class Settled:
    """What came of the findings of one look.

    Attributes:
        raised: alerts that are new.
        lasting: subjects of all that are raised.
    """

    raised: Sequence[Alert] = ()
    lasting: Collection[str] = ()


class AlertRepository:
    """The alerts of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def settle(
        self,
        kind: AlertKind,
        findings: Sequence[Finding],
        *,
        patience: timedelta = timedelta(0),
        unchecked: Collection[str] = (),
    ) -> Settled:
        """Store what a look found of this kind, and end the others.

        What was found for as long as ``patience`` is raised. Alerts of ``unchecked`` sites stay as they are.
        """
        subjects = [finding.subject for finding in findings]
        await self._end(kind, subjects, unchecked)
        if not findings:
            return Settled()
        await self._insert(findings)
        found = and_(AlertRow.kind == kind, AlertRow.until.is_(None), AlertRow.subject == func.any(subjects))
        raised = await self._session.scalars(
            update(AlertRow)
            .where(found, AlertRow.raised_at.is_(None), AlertRow.since <= func.now() - patience)
            .values(raised_at=func.now())
            .returning(AlertRow)
        )
        new = [Alert.model_validate(row) for row in raised]
        lasting = await self._session.scalars(select(AlertRow.subject).where(found, AlertRow.raised_at.is_not(None)))
        return Settled(raised=new, lasting=set(lasting))

    async def _end(self, kind: AlertKind, subjects: Sequence[str], unchecked: Collection[str]) -> None:
        """End the open alerts that the look did not find.

        What was never raised is forgotten.
        """
        judged = or_(AlertRow.site.is_(None), AlertRow.site.not_in(unchecked))
        gone = and_(
            AlertRow.kind == kind, AlertRow.until.is_(None), AlertRow.subject != func.all(list(subjects)), judged
        )
        ended = update(AlertRow).where(gone, AlertRow.raised_at.is_not(None)).values(until=func.now())
        for statement in (ended, delete(AlertRow).where(gone, AlertRow.raised_at.is_(None))):
            await self._session.execute(statement, execution_options={"synchronize_session": False})

    async def _insert(self, findings: Sequence[Finding]) -> None:
        for start in range(0, len(findings), _ROWS_A_STATEMENT):
            rows = [_columns(finding) for finding in findings[start : start + _ROWS_A_STATEMENT]]
            await self._session.execute(insert(AlertRow).values(rows).on_conflict_do_nothing())

    # --- the reader's side

    async def list_all(self, *, sites: Collection[str] | None = None, ended: bool = False, limit: int) -> list[Alert]:
        """Return the open alerts, the newest first; with ``ended`` all.

        ``sites`` None is all, and those that concern none.
        """
        statement = select(AlertRow).where(AlertRow.raised_at.is_not(None))
        if not ended:
            statement = statement.where(AlertRow.until.is_(None))
        if sites is not None:
            statement = statement.where(AlertRow.site.in_(sites))
        rows = await self._session.scalars(statement.order_by(AlertRow.since.desc(), AlertRow.subject).limit(limit))
        return [Alert.model_validate(row) for row in rows]

    async def list_page(
        self,
        *,
        sites: Collection[str] | None,
        kind: AlertKind | None,
        ended: bool,
        excerpt: Excerpt[MomentPosition],
    ) -> Page[Alert, MomentPosition]:
        """Return a page of open alerts, the newest first; with ``ended`` all.

        ``sites`` None is all, and those that concern none.
        """
        statement = select(AlertRow).where(AlertRow.raised_at.is_not(None))
        if not ended:
            statement = statement.where(AlertRow.until.is_(None))
        if sites is not None:
            statement = statement.where(AlertRow.site.in_(sites))
        if kind:
            statement = statement.where(AlertRow.kind == kind)
        statement = in_order(statement, AlertRow.since, AlertRow.id, excerpt)
        rows = await self._session.scalars(statement)
        return Page.of(
            [(Alert.model_validate(row), MomentPosition(at=row.since, id=row.id)) for row in rows], excerpt.limit
        )

    async def list_of_slots(
        self,
        site: str | None = None,
        *,
        sites: Collection[str] | None = None,
        first: datetime | None = None,
        limit: int = 1000,
    ) -> list[SlotAlert]:
        """Return alerts of slots, the newest slot first, ended ones too.

        A warning that ended before its slot is left out, and so is one of a slot that is missing by now. ``sites`` None
        is all. ``first`` is the oldest slot of interest.
        """
        averted = and_(AlertRow.kind == AlertKind.SLOT_AT_RISK, AlertRow.until < AlertRow.slot)
        statement = (
            select(AlertRow)
            .where(AlertRow.kind.in_(SLOT_KINDS), AlertRow.raised_at.is_not(None), ~func.coalesce(averted, False))
            .ext(distinct_on(AlertRow.slot, AlertRow.site))
            .order_by(AlertRow.slot.desc(), AlertRow.site, AlertRow.kind.desc(), AlertRow.since)
            .limit(limit)
        )
        if site is not None:
            statement = statement.where(AlertRow.site == site)
        if sites is not None:
            statement = statement.where(AlertRow.site.in_(sites))
        if first is not None:
            statement = statement.where(AlertRow.slot >= first)
        return [_slot_alert(row) for row in await self._session.scalars(statement)]


def _columns(finding: Finding) -> dict[str, object]:
    """Return the finding's row; a site that was removed is left out."""
    site = select(SiteRow.slug).where(SiteRow.slug == finding.site).scalar_subquery()
    return finding.model_dump() | {"site": site}


def _slot_alert(row: AlertRow) -> SlotAlert:
    return SlotAlert.model_validate(
        {
            "site": row.site,
            "slot": row.slot,
            "reason": row.reason,
            "message": row.detail,
            "raised_at": row.raised_at,
            "until": row.until,
        }
    )
