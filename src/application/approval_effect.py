"""Says what an approval would do now, for the button.

Facts, and no promise: what is due is worked out as a publication would be, and again when somebody approves.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from src.domain.errors import InputInvalid
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.publishing import TargetName
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .approvals import wanted_by
from .publication_times import due_at


class Effect(StrEnum):
    """What follows from an approval."""

    LIVE = "live"  # it goes out at a time, and can be undone until then
    WAITS = "waits"  # somebody publishes it later
    NO_ROOM = "no room"  # likewise: the site's cadence has no day free
    OFFLINE = "offline"  # likewise: text of the offline writer does not go out by itself
    ANOTHER = "another"  # it is the first of two
    GIVEN = "given"  # this person gave his; another has to
    FINDINGS = "findings"  # errors stand in its way
    NOT_PERMITTED = "not permitted"  # to this person


class SiteEffect(BaseModel):
    """What is the same for all articles of a site.

    Attributes:
        may: whether this person may approve there.
        publishes: whether the last approval publishes.
        at: when it would go out, in UTC; None: it does not, or there is no room.
        needed: how many people have to approve.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    time_zone: str
    may: bool
    publishes: bool
    at: datetime | None
    needed: int


class ApprovalEffect(BaseModel):
    """What this person's approval of one text would do.

    Attributes:
        at: of ``live``, in UTC.
        given: how many people approved these bytes, this person left out.
    """

    model_config = ConfigDict(frozen=True)

    effect: Effect
    at: datetime | None = None
    time_zone: str
    given: int
    needed: int

    @property
    def may(self) -> bool:
        """Return whether the approval would be taken."""
        return self.effect not in (Effect.GIVEN, Effect.FINDINGS, Effect.NOT_PERMITTED)


async def site_effects(database: Database, slugs: Collection[str], *, by: Principal) -> dict[str, SiteEffect]:
    """Return what an approval does on each of these sites, now."""
    async with database.unit_of_work() as uow:
        known = {site.slug: site for site in await uow.sites.list_all()}
        return {slug: await site_effect(uow, known[slug], by=by) for slug in slugs if slug in known}


async def site_effect(uow: UnitOfWork, site: Site, *, by: Principal) -> SiteEffect:
    """Return what an approval does on the site, now."""
    wanted = wanted_by(site.publishing.on_approval, None)
    at = None
    if wanted is not None:
        try:
            at = await due_at(uow, site, TargetName.FOLDER, at=wanted.at, by_cadence=wanted.by_cadence)
        except InputInvalid:  # the cadence is full: the approval stands, and somebody publishes it
            at = None
    return SiteEffect(
        name=site.name,
        time_zone=site.time_zone,
        may=by.may(Action.REVIEW_APPROVE, site.slug),
        publishes=wanted is not None,
        at=at,
        needed=site.review.approvals,
    )


def effect_of(
    site: SiteEffect, *, by: Principal, offline: bool, blocking: int = 0, approved_by: Sequence[str] = ()
) -> ApprovalEffect:
    """Return what this person's approval of one text does.

    ``blocking`` counts its unwaived errors; ``approved_by`` names who approved these bytes.
    """
    others = {name for name in approved_by if name != by.name}
    facts: Mapping[str, object] = {"time_zone": site.time_zone, "given": len(others), "needed": site.needed}

    def of(effect: Effect, at: datetime | None = None) -> ApprovalEffect:
        return ApprovalEffect.model_validate({"effect": effect, "at": at, **facts})

    if not site.may:
        return of(Effect.NOT_PERMITTED)
    if blocking:
        return of(Effect.FINDINGS)
    if len(others) + 1 < site.needed:
        return of(Effect.GIVEN if by.name in approved_by else Effect.ANOTHER)
    if not site.publishes:
        return of(Effect.WAITS)
    if offline:
        return of(Effect.OFFLINE)
    return of(Effect.LIVE, site.at) if site.at else of(Effect.NO_ROOM)
