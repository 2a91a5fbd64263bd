"""Due times of publications: never before they could be undone."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from src.domain.errors import InputInvalid
from src.domain.publishing import TargetName
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import UnitOfWork

_FURTHEST = timedelta(days=366)  # that somebody publishes ahead


async def due_at(uow: UnitOfWork, site: Site, target: TargetName, *, at: datetime | None, by_cadence: bool) -> datetime:
    """Return when a publication that is requested now is due, in UTC.

    Raises InputInvalid for a time that is past or beyond a year, and for a cadence that the site does not set or that
    has no room within a year.
    """
    now = await uow.publications.now()
    earliest = now + site.publishing.undo
    if at is not None:
        if not now <= at <= now + _FURTHEST:
            remedy = "name a time within the next year"
            problem = f"it is in the past; {remedy}" if at < now else remedy
            raise InputInvalid("at", at.isoformat(), problem, reason="out_of_range")
        return max(at.astimezone(UTC), earliest)
    return await _free_place(uow, site, target, earliest) if by_cadence else earliest


async def _free_place(uow: UnitOfWork, site: Site, target: TargetName, earliest: datetime) -> datetime:
    """Return the first time at which the site's cadence has room.

    It is on the first day of the site's time zone with fewer articles than go live on one, and not before its start.
    """
    most = site.publishing.per_day
    if most is None:
        raise InputInvalid("cadence", site.slug, "the site's file sets no per_day below [publishing]", reason="unset")
    zone = ZoneInfo(site.time_zone)
    first = earliest.astimezone(zone).date()
    known = await uow.publications.list_due_between(
        site.slug, target, _midnight(first, zone), _midnight(first + _FURTHEST, zone)
    )
    taken = Counter(each.astimezone(zone).date() for each in known)
    day = next((day for day in _days_from(first) if taken[day] < most), None)
    if day is None:
        raise InputInvalid("cadence", most, "every day of the next year has as many already", reason="full")
    start = datetime.combine(day, time.fromisoformat(site.publishing.start), zone)
    return max(earliest, start.astimezone(UTC))


def _days_from(first: date) -> list[date]:
    return [first + timedelta(days=number) for number in range(_FURTHEST.days)]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
