"""``longtail alerts``: what the watchdog found."""

from typing import Annotated

import typer

from src.application.alerts import list_alerts

from .connections import with_person
from .options import JsonOption
from .terminal import local, print_json, print_table


def alerts(
    every: Annotated[bool, typer.Option("--all", help="Those that ended too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what the watchdog found and what it repaired, the newest first.

    Slots without a batch; batches, articles, keywords and calls that nothing continues, which it ends; batches that
    take too long and workflows that do not advance, which it leaves alone. An alert ends with the first look that does
    not find it any more.

    Example: longtail alerts --all
    """
    found = with_person(lambda database, by: list_alerts(database, by=by, ended=every, limit=limit))
    if as_json:
        print_json(found)
        return
    print_table(
        ["kind", "site", "since", "until", "subject", "detail"],
        (
            [
                each.kind.replace("_", " "),
                each.site or "–",
                local(each.since),
                local(each.until),
                each.subject,
                each.detail,
            ]
            for each in found
        ),
        folding=("detail",),
        spare=("subject",),
    )
