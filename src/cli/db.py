"""``longtail db``: the schema's revision."""

from typing import Annotated

import typer

from src.application.databases import downgrade_database, upgrade_database
from src.domain.principal import Principal
from src.infrastructure.database import schema
from src.infrastructure.database.unit_of_work import Database

from .connections import with_person
from .terminal import out

app = typer.Typer(
    help="Bring the database's schema up to date, or check it.", no_args_is_help=True, add_completion=False
)


@app.command()
def upgrade() -> None:
    """Migrate the database to this version's revision; safe to repeat.

    Example: longtail db upgrade
    """

    with_person(lambda database, person: upgrade_database(database, by=person), check=False)
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
