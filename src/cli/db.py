"""``longtail db``: the schema's revision."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from src.bootstrap import database_url
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine
from src.settings import Settings

from .connections import reaching_database, start
from .terminal import busy, out

app = typer.Typer(
    help="Bring the database's schema up to date, or check it.", no_args_is_help=True, add_completion=False
)


@app.command()
def upgrade() -> None:
    """Migrate the database to this version's revision; safe to repeat.

    Example: longtail db upgrade
    """
    _run(schema.upgrade)
    out.print("the database is up to date")


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="The revision to go back to, or 'base' for an empty database.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it: what is dropped takes its data along.")] = False,
) -> None:
    """Migrate the database back to an earlier revision.

    Example: longtail db downgrade 0001 --yes
    """
    if not yes:
        raise typer.BadParameter("data of dropped columns and tables is lost; say --yes to do it")
    _run(lambda engine: schema.downgrade(engine, revision))
    out.print(f"the database is at {revision}")


@app.command()
def check() -> None:
    """Check that the database is at this version's revision and that the models match it.

    The database on this machine is brought up to date first, as by every other command.

    Example: longtail db check
    """

    async def work(engine: AsyncEngine) -> None:
        if Settings.load().database_url is None:
            await schema.upgrade(engine)
        await schema.check(engine)

    _run(work)
    out.print("the database matches the models")


def _run(verb: Callable[[AsyncEngine], Awaitable[None]]) -> None:
    settings = start(Settings.load())

    async def work(url: str) -> None:
        engine = create_engine(url, pool_size=1)
        try:
            with reaching_database():
                await verb(engine)
        finally:
            await engine.dispose()

    with busy("starting PostgreSQL"), database_url(settings) as url:
        asyncio.run(work(url))
