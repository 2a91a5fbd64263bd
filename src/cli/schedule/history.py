"""``longtail schedule history``: who changed what, when, from what to what."""

from typing import Annotated

import typer

from src.domain.scheduling.schedule import Schedule
from src.infrastructure.database.schedules import ScheduleChange
from src.infrastructure.database.unit_of_work import Database

from ..connections import with_database
from ..terminal import local, out, print_json, print_table


def history(
    site: Annotated[str, typer.Argument(metavar="SITE", help="The site's slug.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")] = False,
) -> None:
    """Show who changed a site's schedule, when, and from what to what.

    Example: longtail schedule history hardware-shop
    """

    async def work(database: Database) -> list[ScheduleChange]:
        async with database.unit_of_work() as uow:
            await uow.sites.get(site)
            return await uow.schedules.list_changes(site)

    changes = with_database(work)
    if as_json:
        print_json(changes)
        return
    if not changes:
        out.print(f"nobody has changed the schedule of {site} yet")
        return
    rows = ([local(change.at), change.who, change.action, _in_words(change)] for change in changes)
    print_table(["when", "who", "did", "what"], rows)


def _in_words(change: ScheduleChange) -> str:
    if change.action == "set" and change.after:
        after = Schedule.model_validate(change.after)
        if change.before is None:
            return f"{after.when} {after.time_zone}"
        differences = Schedule.model_validate(change.before).differences(after)
        return "; ".join(f"{field.replace('_', ' ')}: {old} → {new}" for field, (old, new) in differences.items())
    details = {name: value for name, value in (change.after or {}).items() if value and change.action != "repair"}
    return "; ".join(
        f"{name}: {', '.join(value) if isinstance(value, list) else value}" for name, value in details.items()
    )
