"""Logs one event a line, with ids of what runs."""

import logging
import sys
from collections.abc import Mapping

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_TEMPORALS = ("temporal_workflow", "temporal_activity")
_IDS = {"workflow_id": "workflow_id", "run_id": "run_id", "workflow_run_id": "run_id", "attempt": "attempt"}


def configure(*, level: str, as_json: bool | None) -> None:
    """Send structlog and the standard library's logging to stderr.

    JSON unless a person is watching.

    Both SDKs log whole requests at DEBUG, so they and the HTTP layers stay at WARNING.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        _with_ids,
    ]
    machine = not sys.stderr.isatty() if as_json is None else as_json
    # Rich's tracebacks import on first use, which Temporal's sandbox refuses when workflow code logs an exception.
    for_people = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Processor = structlog.processors.JSONRenderer() if machine else for_people
    tail: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if machine:
        tail.append(structlog.processors.format_exc_info)
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*tail, renderer]))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in ("anthropic", "openai", "httpx2", "httpcore2", "asyncio", "alembic", "uvicorn", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # a collector that is away would fill the log
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _with_ids(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Spell the ids of Temporal's own log lines as ours do.

    The rest of its fields is in its UI.
    """
    for name in _TEMPORALS:
        told = event.pop(name, None)
        if isinstance(told, Mapping):
            known = {ours: told[theirs] for theirs, ours in _IDS.items() if told.get(theirs) is not None}
            event = {**known, **event}
    return event
