"""Finds where Temporal's schedules and the wanted ones differ, whoever changed them, and repairs it either way."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client, ScheduleDescription

from src.domain.scheduling.schedule import Pause
from src.infrastructure.database.schedules import DesiredSchedule
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids, schedule_spec

from .schedules import Schedules


class Drift(BaseModel):
    """One difference. ``repair`` says what making Temporal right would do."""

    model_config = ConfigDict(frozen=True)

    site: str
    found: str
    repair: str


class ScheduleDrift:
    """Compares and repairs; the database's word counts unless Temporal's pause is adopted."""

    def __init__(self, client: Client, database: Database, *, who: str) -> None:
        self._client = client
        self._database = database
        self._schedules = Schedules(client, database, who=who)

    async def find(self, site: str | None = None) -> list[Drift]:
        """Every difference, of one site or of all."""
        async with self._database.unit_of_work() as uow:
            if site:
                await uow.sites.get(site)
            wanted = [known for known in await uow.schedules.list_all() if site in (None, known.site)]
            pauses = {known.site: await uow.schedules.find_current_pause(known.site) for known in wanted}
        found = []
        for known in wanted:
            described = await self._schedules.described(known.site)
            found += compare(known, pauses[known.site], described)
        return found + await self._unknown({known.site for known in wanted}, site)

    async def repair(self, drifts: list[Drift]) -> None:
        """Make Temporal what the database wants; a schedule that nobody wants is deleted."""
        async with self._database.unit_of_work() as uow:
            wanted = {known.site for known in await uow.schedules.list_all()}
        for site in dict.fromkeys(drift.site for drift in drifts):
            if site in wanted:
                await self._schedules.rewrite(site)
            else:
                await self._client.get_schedule_handle(ids.schedule(site)).delete()

    async def adopt(self, drifts: list[Drift]) -> list[str]:
        """Take over into the database what was paused or resumed in Temporal. Returns the sites.

        A changed time or policy is not adopted: its wish would have to be guessed; say it with ``schedule set``.
        """
        adopted = []
        for site in dict.fromkeys(drift.site for drift in drifts if drift.found.startswith(("paused", "resumed"))):
            if described := await self._schedules.described(site):
                await self._schedules.adopt_pause(site, described)
                adopted.append(site)
        return adopted

    async def _unknown(self, wanted: set[str], site: str | None) -> list[Drift]:
        """Schedules of ours in Temporal that the database does not want."""
        listed = await self._client.list_schedules()
        ours = [ids.site_of(entry.id) async for entry in listed if entry.id.startswith(ids.schedule(""))]
        return [
            Drift(site=each, found="Temporal has a schedule that is not wanted", repair="delete it there")
            for each in sorted(set(ours) - wanted)
            if site in (None, each)
        ]


def compare(known: DesiredSchedule, pause: Pause | None, described: ScheduleDescription | None) -> list[Drift]:
    """The differences of one site's schedule."""
    if described is None:
        return [Drift(site=known.site, found="Temporal has no such schedule", repair="write it again")]
    found = []
    for part, was, now in _changed(known.written, schedule_spec.fingerprint(described)):
        change = f"{part} was changed in Temporal: {was} → {now}"
        found.append(Drift(site=known.site, found=change, repair="write the wanted one again"))
    is_paused = described.schedule.state.paused
    if is_paused and pause is None:
        note = described.schedule.state.note or "no note"
        found.append(Drift(site=known.site, found=f"paused in Temporal: {note}", repair="resume it"))
    if not is_paused and pause is not None:
        found.append(
            Drift(site=known.site, found=f"resumed in Temporal, wanted paused: {pause.note}", repair="pause it")
        )
    return found


def _changed(before: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, object, object]]:
    return [
        (f"{group}.{field}", before.get(group, {}).get(field), now[group].get(field))
        for group in now
        for field in sorted({*before.get(group, {}), *now[group]})
        if before.get(group, {}).get(field) != now[group].get(field)
    ]
