"""Heals everything after a bad day, and runs what is left."""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import replace

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from temporalio.service import RPCError

from bench.conditions import Conditions
from src.bootstrap import Application, register_worker
from src.domain.colour import BLUE
from src.domain.errors import LongtailError
from src.settings import Settings

from .testbed import Sites, Testbed, patiently

PATIENCE_SECONDS = 150.0  # a task of a dead worker, a heartbeat and the back-offs of an outage end long before
_POLL_SECONDS = 0.2
_LOOK_SECONDS = 1.0
_TIME_FACTOR = 0.02  # of the watchdog's patience of three minutes
_TRANSIENT = (LongtailError, DBAPIError, PoolTimeout, OSError, RPCError)

log = structlog.get_logger()

_LEFT = text("""
SELECT 'batches running' AS what, site FROM batches WHERE status = 'running' AND site = ANY(:sites)
UNION ALL SELECT 'articles under way', site FROM articles
    WHERE status IN ('queued', 'generating') AND site = ANY(:sites)
UNION ALL SELECT 'keywords claimed', site FROM longtails WHERE status = 'claimed' AND site = ANY(:sites)
UNION ALL SELECT 'keywords ready', site FROM longtails WHERE status = 'ready' AND site = ANY(:sites)
UNION ALL SELECT 'calls open', site FROM model_calls WHERE status = 'open' AND site = ANY(:sites)
UNION ALL SELECT 'alerts open', site FROM watchdog_alerts WHERE until IS NULL AND site = ANY(:sites)
""")


async def heal(testbed: Testbed) -> None:
    """Let servers answer, the provider take everything, and workers run."""
    await testbed.start_postgres()
    testbed.models.set_conditions(Conditions())
    await testbed.ready()


async def run_to_the_end(testbed: Testbed, sites: Sites) -> float:
    """Open slots until nothing is left, and return the seconds that took.

    It gives up after a while; the books then show what is left. The watchdog looks as it does in a worker.
    """
    begun = looked = time.monotonic()
    watchdog = _application(testbed).watchdog(is_gone=register_worker(_application(testbed), colour=BLUE).is_gone)
    while left := await patiently(lambda: what_is_left(testbed, sites)):
        if time.monotonic() - begun > PATIENCE_SECONDS:
            break
        for slug in sites.slugs:
            if (slug in left.get("keywords ready", ())) and slug not in left.get("batches running", ()):
                await _attempt(sites.open_next(testbed, slug))
        if time.monotonic() - looked > _LOOK_SECONDS:
            await _attempt(watchdog.run())
            looked = time.monotonic()
        await asyncio.sleep(_POLL_SECONDS)
    return time.monotonic() - begun


async def what_is_left(testbed: Testbed, sites: Sites) -> Mapping[str, list[str]]:
    """Return what has not ended, as the sites of each kind."""
    found: dict[str, list[str]] = {}
    async with testbed.installed.database.engine.connect() as connection:
        for what, site in await connection.execute(_LEFT, {"sites": sites.slugs}):
            found.setdefault(what, []).append(site)
    return found


def _application(testbed: Testbed) -> Application:
    home = testbed.installed.folder / "home"
    return replace(
        testbed.installed.application, settings=Settings.model_construct(home=home, time_factor=_TIME_FACTOR)
    )


async def _attempt(doing: Awaitable[object]) -> None:
    """Await it; the next round tries again."""
    try:
        await doing
    except _TRANSIENT as error:
        log.info("chaos_not_yet", error=f"{type(error).__name__}: {error}")
