"""Arguments and options that several nouns share, and how they are read.

Health checks import this too, every few seconds, so what opens a database is imported where it is used.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from src.domain.colour import Colour, parse_colour
from src.domain.errors import FileInvalid, Hint, InputInvalid, NotFound
from src.domain.ids import ArticleId, BatchId
from src.domain.publishing import PublishWish, Wish

if TYPE_CHECKING:
    from src.infrastructure.database.unit_of_work import Database

Id = TypeVar("Id")

SiteOption = Annotated[str, typer.Argument(metavar="SITE", help="The site's slug.")]
ArticleOption = Annotated[str, typer.Argument(metavar="ARTICLE", help="Its id, or the first characters of it.")]
BatchOption = Annotated[str, typer.Argument(metavar="BATCH", help="Its id, or the first characters of it.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]
ColourOption = Annotated[
    Colour | None,
    typer.Option(parser=parse_colour, metavar="<blue|green>", help="Whose workers make it; default: the active ones."),
]

_SHORTEST_PREFIX = 4  # characters of an id that people may type


async def resolve_article(database: "Database", typed: str) -> ArticleId:
    """Return the one article id that begins as typed.

    Raises NotFound, and InputInvalid if several do.
    """
    from src.application import articles  # noqa: PLC0415 - see above

    return await _resolve(
        "article", typed, Hint.LIST_ARTICLES, lambda p, n: articles.list_article_ids(database, p, limit=n)
    )


async def resolve_batch(database: "Database", typed: str) -> BatchId:
    """Return the one batch id that begins as typed.

    Raises NotFound, and InputInvalid if several do.
    """
    from src.application import batches  # noqa: PLC0415 - see above

    return await _resolve("batch", typed, Hint.LIST_BATCHES, lambda p, n: batches.list_batch_ids(database, p, limit=n))


async def _resolve(noun: str, typed: str, hint: Hint, find: Callable[[str, int], Awaitable[list[Id]]]) -> Id:
    prefix = typed.strip().lower()
    if len(prefix) < _SHORTEST_PREFIX:
        raise InputInvalid(noun, typed, f"give at least {_SHORTEST_PREFIX} characters of its id")
    match await find(prefix, 2):
        case []:
            raise NotFound(noun, typed, hint=hint)
        case [only]:
            return only
        case _:
            raise InputInvalid(noun, typed, "several ids begin like that; give more characters")


def read_slot(text: str) -> datetime:
    """Return a moment that was typed with its offset, in UTC.

    Raises InputInvalid.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputInvalid("--slot", text, "write it as 2026-11-21T06:00:00+01:00") from error
    if moment.tzinfo is None:
        raise InputInvalid("--slot", text, "say its offset: Z for UTC, or for example +01:00")
    return moment.astimezone(UTC)


def read_wish(text: str) -> PublishWish:
    """Return when somebody wants what he approves to go out.

    A time is this machine's unless it names its offset. Raises InputInvalid.
    """
    if text in list(Wish):
        return Wish(text)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputInvalid("publish", text, "write now, cadence, no, or a time as 2026-12-01T09:00") from error


def read_file(path: Path) -> bytes:
    """Return the file's bytes. Raises FileInvalid."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileInvalid(str(path), f"{error.strerror}; check the name") from error
