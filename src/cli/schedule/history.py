"""``longtail schedule history``: who changed what, when, from what to what."""

from src.application.schedules import list_history
from src.domain.scheduling.schedule import Schedule
from src.infrastructure.database.audit import AuditEvent

from ..connections import with_person
from ..options import JsonOption, SiteOption
from ..terminal import local, out, print_json, print_table


def history(
    site: SiteOption,
    as_json: JsonOption = False,
) -> None:
    """Show who changed a site's schedule, when, and from what to what.

    Example: longtail schedule history hardware-shop
    """

    changes = with_person(lambda database, by: list_history(database, site, by=by))
    if as_json:
        print_json(changes)
        return
    if not changes:
        out.print(f"the schedule of {site} was never changed")
        return
    rows = ([local(change.at), change.who, change.action, _in_words(change)] for change in changes)
    print_table(["when", "who", "did", "what"], rows)


def _in_words(change: AuditEvent) -> str:
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
