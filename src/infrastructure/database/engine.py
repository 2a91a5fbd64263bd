"""Connections to PostgreSQL, safe behind PgBouncer in transaction mode."""

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


def create_engine(url: str, *, pool_size: int) -> AsyncEngine:
    """Make an engine for ``url`` (postgresql+asyncpg://…); it connects on first use."""
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        # Prepared statements belong to a server connection, which PgBouncer swaps between transactions.
        connect_args={"statement_cache_size": 0, "prepared_statement_cache_size": 0, "timeout": 10},
    )
