"""The person that the command line names, kept for this process."""

from contextvars import ContextVar

NAMED: ContextVar[str | None] = ContextVar("named", default=None)  # by --as; None: the operating system's user
