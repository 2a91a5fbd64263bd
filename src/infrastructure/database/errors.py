"""Describes what the database driver raised, without the values of a row."""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from src.domain.errors import DatabaseFailed, EngineUnavailable, LongtailError


def describe(error: DBAPIError) -> DatabaseFailed:
    """Return the driver's error by its class and SQLSTATE.

    Its message and detail may quote a row.
    """
    cause = error.orig.__cause__ if error.orig is not None else None
    name = type(cause or error.orig or error).__name__
    return DatabaseFailed(name, sqlstate=getattr(cause, "sqlstate", None))


def as_error(error: BaseException) -> LongtailError | None:
    """Return what an error of the database means.

    None for any other error."""
    match error:
        case DBAPIError():
            return describe(error)
        case OSError() | PoolExhausted():  # TimeoutError among the first
            return EngineUnavailable("the database does not answer")
        case _:
            return None
