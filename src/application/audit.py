"""Hands out the audit trail, and compares it with the things."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from src.domain.paging import Excerpt, NumberPosition, Page
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.publishing import PublicationId
from src.domain.review import DecisionKind
from src.domain.scheduling.schedule import Pause
from src.infrastructure.database.audit import AuditEvent, Hole
from src.infrastructure.database.reviews import ENDED
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .holds import ALL_SITES

_PAGE = 500  # events that are held in memory at a time
_SCHEDULE = ("set", "repair", "remove")
_PERSON = ("add", "role", "disable", "enable")  # what changes what is kept of a person; logging in does not
_ENDED = tuple(status.value for status in ENDED)
_PAUSE = ("pause", "resume", "adopt", "remove")


class Difference(BaseModel):
    """A thing that is not as its last event left it."""

    model_config = ConfigDict(frozen=True)

    noun: str
    subject: str
    number: int | None  # of that event; None: there is none
    recorded: dict[str, Any] | None
    found: dict[str, Any] | None


class AuditReport(BaseModel):
    """What verifying the audit trail found."""

    model_config = ConfigDict(frozen=True)

    events: int
    holes: list[Hole]  # missing numbers, the first hundred
    differences: list[Difference]

    @property
    def is_sound(self) -> bool:
        """Return whether nothing was found."""
        return not self.holes and not self.differences


async def export(
    database: Database, *, by: Principal, since: datetime | None = None, site: str | None = None
) -> AsyncIterator[AuditEvent]:
    """Yield the events, the oldest first.

    With ``since`` (UTC) those from then on, with ``site`` those that concern it. Raises NotPermitted.
    """
    by.require(Action.AUDIT_READ, site)
    last = 0
    while True:
        async with database.unit_of_work() as uow:
            page = await uow.audit.list_page(after=last, limit=_PAGE, since=since, site=site)
        for event in page:
            yield event
        if len(page) < _PAGE:
            return
        last = page[-1].number


async def list_page(
    database: Database,
    *,
    by: Principal,
    site: str | None = None,
    noun: str | None = None,
    who: str | None = None,
    since: datetime | None = None,
    excerpt: Excerpt[NumberPosition],
) -> Page[AuditEvent, NumberPosition]:
    """Return a page of the events that somebody may read.

    They are those of his sites; those of no site are for who may read all. Raises NotPermitted, also for who may read
    them on no site.
    """
    sites = by.sites_of(Action.AUDIT_READ, site)
    if sites is not None and not sites:
        by.require(Action.AUDIT_READ, None)
    async with database.unit_of_work() as uow:
        return await uow.audit.list_filtered(sites=sites, noun=noun, who=who, since=since, excerpt=excerpt)


async def verify(database: Database, *, by: Principal) -> AuditReport:
    """Look for missing numbers, and compare each last event with its thing.

    It finds slips, not an owner of the database who covers his traces. Raises NotPermitted.
    """
    by.require(Action.AUDIT_READ, None)
    async with database.unit_of_work() as uow:
        await uow.audit.see_one_moment()
        sites = {site.slug for site in await uow.sites.list_all()}
        events, _ = await uow.audit.count()
        return AuditReport(
            events=events,
            holes=await uow.audit.list_holes(),
            differences=[
                *await _schedules(uow, sites),
                *await _pauses(uow, sites),
                *await _holds(uow, sites),
                *await _people(uow),
                *await _tokens(uow),
                *await _reviews(uow),
                *await _publications(uow, sites),
            ],
        )


async def _schedules(uow: UnitOfWork, sites: set[str]) -> list[Difference]:
    last = await uow.audit.list_last("schedule", _SCHEDULE)
    found = {each.site: each.schedule.model_dump(mode="json") for each in await uow.schedules.list_all()}
    return _compare("schedule", _lasting(last, sites), found)


async def _pauses(uow: UnitOfWork, sites: set[str]) -> list[Difference]:
    last = await uow.audit.list_last("schedule", _PAUSE)
    found = {site: _pause(pause) for site, pause in (await uow.schedules.list_current_pauses()).items()}
    paused = {site: event.model_copy(update={"after": _paused(event)}) for site, event in last.items()}
    return _compare("pause", _lasting(paused, sites), found)


async def _holds(uow: UnitOfWork, sites: set[str]) -> list[Difference]:
    last = await uow.audit.list_last("hold")
    found = {each.site or ALL_SITES: each.state for each in await uow.holds.list_current()}
    return _compare("hold", _lasting(last, sites | {ALL_SITES}), found)


async def _people(uow: UnitOfWork) -> list[Difference]:
    found = {person.name: person.state for person in await uow.users.list_all()}
    return _compare("user", await uow.audit.list_last("user", _PERSON), found)


async def _tokens(uow: UnitOfWork) -> list[Difference]:
    found = {token.label: token.state for token in await uow.api_tokens.list_current()}
    return _compare("token", await uow.audit.list_last("token"), found)


async def _reviews(uow: UnitOfWork) -> list[Difference]:
    """Compare the articles that a decision ended.

    What is under way changes without one. Articles are deleted with their site only.
    """
    last = await uow.audit.list_last("review", [kind.action.verb for kind in DecisionKind])
    found = {str(article_id): status.value for article_id, status in await uow.reviews.list_decided()}
    said = {subject: (event.after or {}).get("status") for subject, event in last.items() if subject in found}
    ended = [subject for subject, status in found.items() if status in _ENDED or said.get(subject) in _ENDED]
    return _compare(
        "review",
        {
            subject: last[subject].model_copy(update={"after": {"status": said[subject]}})
            for subject in ended
            if subject in said
        },
        {subject: {"status": found[subject]} for subject in ended},
    )


async def _publications(uow: UnitOfWork, sites: set[str]) -> list[Difference]:
    """Compare what was asked for last of each article.

    How far that got is the worker's doing; what it is stays.
    """
    last = await uow.audit.list_last("publish")
    asked = {subject: event for subject, event in last.items() if event.after and event.site in sites}
    said = {subject: _asked(event.after or {}) for subject, event in asked.items()}
    found = await uow.publications.find_many([PublicationId(UUID(each["publication"])) for each in said.values()])
    return _compare(
        "publication",
        {subject: event.model_copy(update={"after": said[subject]}) for subject, event in asked.items()},
        {str(each.article_id): _asked(each.state) for each in found},
    )


def _asked(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != "status"}


def _lasting(last: Mapping[str, AuditEvent], sites: set[str]) -> dict[str, AuditEvent]:
    """Return the events without those of sites that are gone."""
    return {subject: event for subject, event in last.items() if subject in sites}


def _compare(noun: str, last: Mapping[str, AuditEvent], found: Mapping[str, dict[str, Any]]) -> list[Difference]:
    recorded = {subject: event.after for subject, event in last.items()}
    return [
        Difference(
            noun=noun,
            subject=subject,
            number=last[subject].number if subject in last else None,
            recorded=recorded.get(subject),
            found=found.get(subject),
        )
        for subject in sorted(recorded.keys() | found.keys())
        if recorded.get(subject) != found.get(subject)
    ]


def _pause(pause: Pause) -> dict[str, Any]:
    return {"note": pause.note, "until": _utc(pause.until)}


def _paused(event: AuditEvent) -> dict[str, Any] | None:
    """Return the pause that the event left, None for none."""
    after = event.after or {}
    if event.action == "pause":
        until = datetime.fromisoformat(after["until"]) if after.get("until") else None
        return {"note": after.get("note"), "until": _utc(until)}
    if event.action == "adopt" and after.get("paused"):
        return {"note": after.get("note") or "paused in Temporal", "until": None}
    return None


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
