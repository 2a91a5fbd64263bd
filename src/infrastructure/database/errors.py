"""Describes what the database driver raised, without the values of a row."""

from sqlalchemy.exc import DBAPIError

from src.domain.errors import DatabaseFailed


def describe(error: DBAPIError) -> DatabaseFailed:
    """Return the driver's error by its class and SQLSTATE.

    Its message and detail may quote a row.
    """
    cause = error.orig.__cause__ if error.orig is not None else None
    name = type(cause or error.orig or error).__name__
    return DatabaseFailed(name, sqlstate=getattr(cause, "sqlstate", None))
