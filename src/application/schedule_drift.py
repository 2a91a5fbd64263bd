"""Compares Temporal's schedules with the desired ones, and repairs differences."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.scheduling.schedule import Drift, DriftKind, ObservedSchedule, Pause
from src.infrastructure.database.schedules import DesiredSchedule
from src.infrastructure.database.unit_of_work import Database

from .schedules import Schedules

if TYPE_CHECKING:
    from src.infrastructure.temporal.schedule_gateway import ScheduleGateway


class DriftReport(BaseModel):
    """Differences as found, and those left after repair and adoption."""

    model_config = ConfigDict(frozen=True)

    found: list[Drift]
    left: list[Drift]


class ScheduleDrift:
    """Finds and repairs drift; the database counts unless Temporal's pause is adopted."""

    def __init__(self, database: Database, gateway: "ScheduleGateway", schedules: Schedules, *, by: Principal) -> None:
        self._database = database
        self._gateway = gateway
        self._schedules = schedules
        self._by = by

    async def find(self, site: str | None = None) -> list[Drift]:
        """Return every difference, of the site or of all.

        Raises NotFound, and NotPermitted.
        """
        self._by.require(Action.SITE_READ, site)
        async with self._database.unit_of_work() as uow:
            if site:
                await uow.sites.get(site)
            schedules = [desired for desired in await uow.schedules.list_all() if site in (None, desired.site)]
            pauses = await uow.schedules.list_current_pauses()
        found = []
        for desired in schedules:
            found += compare(desired, pauses.get(desired.site), await self._gateway.find(desired.site))
        return found + await self._list_unknown({desired.site for desired in schedules}, site)

    async def sync(self, site: str | None = None, *, repair: bool = False, adopt: bool = False) -> DriftReport:
        """Find the differences; adopt pauses, then repair what is left, as asked.

        Raises NotFound, and NotPermitted.
        """
        if repair:
            self._by.require(Action.SCHEDULE_REPAIR, site)  # before anything is adopted
        if adopt:
            self._by.require(Action.SCHEDULE_ADOPT, site)
        found = left = await self.find(site)
        if adopt:
            await self.adopt(found)
            left = await self.find(site)
        if repair:
            await self.repair(left)
            left = await self.find(site)
        return DriftReport(found=found, left=left)

    async def repair(self, drifts: list[Drift]) -> None:
        """Make Temporal's schedules the desired ones; delete those that are not desired."""
        for drift in {drift.site: drift for drift in drifts}.values():
            if drift.kind is DriftKind.UNKNOWN:
                await self._gateway.delete(drift.site)
            else:
                await self._schedules.rewrite(drift.site)

    async def adopt(self, drifts: list[Drift]) -> list[str]:
        """Store what was paused or resumed in Temporal, and return the sites.

        A changed time or policy is not adopted: what was meant by it would have to be guessed.
        """
        adopted = []
        for drift in drifts:
            if drift.kind in (DriftKind.PAUSED, DriftKind.RESUMED) and (
                observed := await self._gateway.find(drift.site)
            ):
                await self._schedules.adopt_pause(drift.site, observed)
                adopted.append(drift.site)
        return adopted

    async def _list_unknown(self, desired: set[str], site: str | None) -> list[Drift]:
        return [
            Drift(
                site=each,
                kind=DriftKind.UNKNOWN,
                found="Temporal has a schedule that is not desired",
                repair="delete it there",
            )
            for each in await self._gateway.list_sites()
            if each not in desired and site in (None, each)
        ]


def compare(desired: DesiredSchedule, pause: Pause | None, observed: ObservedSchedule | None) -> list[Drift]:
    """Return the differences of one site's schedule."""

    def drift(kind: DriftKind, found: str, repair: str) -> Drift:
        return Drift(site=desired.site, kind=kind, found=found, repair=repair)

    if observed is None:
        return [drift(DriftKind.MISSING, "Temporal has no such schedule", "write it again")]
    found = [
        drift(DriftKind.CHANGED, f"{part} was changed in Temporal: {was} → {now}", "write the desired one again")
        for part, was, now in _changed(desired.written, observed.fingerprint)
    ]
    if observed.is_paused and pause is None:
        found.append(drift(DriftKind.PAUSED, f"paused in Temporal: {observed.note or 'no note'}", "resume it"))
    if not observed.is_paused and pause is not None:
        found.append(drift(DriftKind.RESUMED, f"resumed in Temporal, desired paused: {pause.note}", "pause it"))
    return found


def _changed(before: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, object, object]]:
    return [
        (f"{group}.{field}", before.get(group, {}).get(field), now[group].get(field))
        for group in now
        for field in sorted({*before.get(group, {}), *now[group]})
        if before.get(group, {}).get(field) != now[group].get(field)
    ]
