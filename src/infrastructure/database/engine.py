"""Connections to PostgreSQL, safe behind PgBouncer in transaction mode."""

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from src.domain.errors import InputInvalid

DRIVER = "postgresql+asyncpg"  # plain postgresql:// means psycopg since SQLAlchemy 2.1


def create_engine(url: str, *, pool_size: int) -> AsyncEngine:
    """Make an engine for ``url`` (postgres://, postgresql:// or postgresql+asyncpg://). Connects on first use.

    Raises InputInvalid for any other address.
    """
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise InputInvalid("DATABASE_URL", "…", "write postgresql://user:password@host:5432/name") from error
    if address.get_backend_name() not in {"postgresql", "postgres"}:
        raise InputInvalid("DATABASE_URL", address.drivername, "Longtail keeps its data in PostgreSQL 17 or newer")
    return create_async_engine(
        address.set(drivername=DRIVER),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=False,  # a dead connection costs one retried transaction; a ping costs every one
        # Prepared statements belong to a server connection, which PgBouncer swaps between transactions.
        connect_args={"statement_cache_size": 0, "prepared_statement_cache_size": 0, "timeout": 10},
    )
