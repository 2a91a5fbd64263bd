"""Connects to PostgreSQL, safely behind PgBouncer too.

Statements stay prepared only where the URL says that there is no pooler.
"""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from src.domain.errors import InputInvalid

_DRIVERS = ("postgres", "postgresql", "postgresql+asyncpg")
_PROMISE = "prepared_statement_cache_size"  # in a URL: keep so many statements, there is no pooler
_STATEMENTS = 256  # more than Longtail has


def create_engine(url: str, *, pool_size: int) -> AsyncEngine:
    """Make an engine for ``url`` (postgresql+asyncpg://…); it connects on first use."""
    parsed = make_url(url)
    return create_async_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,  # errors end up in logs and in Temporal's history
        connect_args={"timeout": 10, **_statements(parsed)},
    )


def without_pooler(url: str) -> str:
    """Return ``url`` marked as a direct connection, without a pooler.

    Statements may then stay prepared on a connection.
    """
    promised = make_url(url).update_query_dict({_PROMISE: str(_STATEMENTS)})
    return promised.render_as_string(hide_password=False)


def normalise_url(url: str) -> str:
    """Return any PostgreSQL URL as one for asyncpg.

    Platforms hand out several spellings of scheme and options. Raises InputInvalid without showing the URL, which may
    hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InputInvalid(
            "DATABASE_URL", "…", "it has to look like postgresql://user:password@host:5432/name"
        ) from error
    if parsed.drivername not in _DRIVERS:
        raise InputInvalid("DATABASE_URL", f"{parsed.drivername}://…", "only PostgreSQL: postgresql://…")
    query = dict(parsed.query)
    if "sslmode" in query:  # libpq's name for what asyncpg calls ssl
        query["ssl"] = query.pop("sslmode")
    query.pop("channel_binding", None)  # libpq's alone
    return parsed.set(drivername="postgresql+asyncpg", query=query).render_as_string(hide_password=False)


def _statements(url: URL) -> dict[str, int]:
    # Prepared statements belong to a server connection, which PgBouncer swaps between transactions. With 0 asyncpg
    # names none and parses with every run; what SQLAlchemy keeps is then only how parameters and rows look.
    return {"statement_cache_size": _STATEMENTS if _PROMISE in url.query else 0, _PROMISE: _STATEMENTS}
