"""``longtail db``: the schema's revision, backups."""

from pathlib import Path
from typing import Annotated

import typer

from src.application.databases import (
    back_up_database,
    downgrade_database,
    restore_database,
    upgrade_database,
)
from src.bootstrap import postgres_programs
from src.domain.errors import FileInvalid
from src.domain.principal import Principal
from src.infrastructure.database import schema
from src.infrastructure.database.unit_of_work import Database

from .connections import with_person
from .terminal import busy, out

app = typer.Typer(
    help="Bring the database's schema up to date, check it, back it up or restore it.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def upgrade(
    force: Annotated[
        bool, typer.Option("--force", help="Take away what workers of older code use, though they live.")
    ] = False,
) -> None:
    """Migrate the database to this version's revision; safe to repeat.

    Workers of the version before go on meanwhile. A contract migration takes away what they use: it is refused while
    one of them lives.

    Example: longtail db upgrade
    """

    with_person(lambda database, person: upgrade_database(database, force=force, by=person), check=False)
    out.print("the database is up to date")


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="The revision to go back to, or 'base' for an empty database.")],
    yes: Annotated[bool, typer.Option("--yes", help="Confirm: data of dropped columns and tables is lost.")] = False,
) -> None:
    """Migrate the database back to an earlier revision.

    Example: longtail db downgrade 0001 --yes
    """
    if not yes:
        raise typer.BadParameter("data of dropped columns and tables is lost; say --yes to do it")

    with_person(lambda database, person: downgrade_database(database, revision, by=person), check=False)
    out.print(f"the database is at {revision}")


@app.command()
def check() -> None:
    """Check that the database matches this version's revision and models.

    The database on this machine is brought up to date first, as by every other command.

    Example: longtail db check
    """

    async def work(database: Database, _: Principal) -> None:
        await schema.check(database.engine)

    with_person(work)
    out.print("the database matches the models")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where the dump goes; its folder has to be there.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Write the whole database to one file, while work goes on.

    It holds sites, articles, the ledger, reviews, schedules and people, every text and the hashes of passwords: keep
    it as you keep the database. What runs at this moment, and when schedules run next, is Temporal's: after a restore
    the watchdog and longtail schedule sync see to it.

    Example: longtail db backup longtail-2026-12-01.dump
    """
    if file.exists() and not overwrite:
        raise FileInvalid(str(file), "it exists; say --overwrite to replace it")
    if not file.absolute().parent.is_dir():
        raise FileInvalid(str(file), "its folder is not there")

    async def work(database: Database, person: Principal) -> int:
        return await back_up_database(database, file, programs=postgres_programs(), by=person)

    with busy("writing the backup"):
        size = with_person(work, check=False)
    out.print(f"wrote {file}, {size / 1_000_000:.1f} MB", markup=False)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A dump of longtail db backup.", exists=True, dir_okay=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Confirm: the tables that are there are dropped.")] = False,
) -> None:
    """Restore a dump, whole or not at all.

    No worker may run. Then: longtail db upgrade (for a dump of an earlier version), start a worker, and
    longtail schedule sync --repair.

    Example: longtail db restore longtail-2026-12-01.dump
    """

    async def work(database: Database, person: Principal) -> str | None:
        return await restore_database(database, file, programs=postgres_programs(), replace=replace, by=person)

    with busy("restoring"):
        revision = with_person(work, check=False)
    out.print(f"restored {file}, schema revision {revision}", markup=False)
    out.print("now start a worker, then: longtail schedule sync --repair")
