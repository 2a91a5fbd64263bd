"""Keep the workers of a process polling until it is stopped.

Pollers that were refused wait up to 12 s before they ask again, and nothing wakes them. So who returns after it refused
connections is met by a new worker of the same process, while the one before finishes what it has.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from src.domain.errors import EngineUnavailable

log = structlog.get_logger()

_PROBE_SECONDS = 0.5
_MARGIN = timedelta(seconds=5)  # over the grace, for what cancelled activities tell
_LEAVING_SECONDS = 5.0  # for the spool and the goodbye
_PATIENT_SECONDS = 1.5  # of refusals; until then pollers wait no longer than this either
_ANSWER = timedelta(seconds=5)  # for a probe; a silent server refuses nothing, and its polls stay open

Connect = Callable[[], Awaitable[Client]]


class Polling:
    """The workers of one process, for one connection after another."""

    def __init__(
        self,
        connect: Connect,
        build: Callable[[Client], Sequence[Worker]],
        *,
        grace: timedelta,
        stopping: asyncio.Event,
    ) -> None:
        """``build`` makes a connection's workers.

        ``grace`` is how long each waits for its activities.
        """
        self._grace = grace
        self._connect = connect
        self._build = build
        self._stopping = stopping
        self._draining: set[asyncio.Task[None]] = set()

    async def run(
        self,
        *,
        lifeline: int | None = None,
        on_draining: Callable[[], Awaitable[None]],
        on_polling: Callable[[], object],
    ) -> None:
        """Poll until SIGTERM, SIGINT or the end of the file descriptor ``lifeline``.

        ``on_polling`` is called once there is a connection. Then take nothing new and wait for the calls under way, up
        to the worker's grace.

        A second signal leaves at once. Raises what ended the worker, when it can no longer poll.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _on_signal, self._stopping, number)
        if lifeline is not None:
            loop.add_reader(lifeline, _on_lifeline, self._stopping, lifeline)
        stop = asyncio.create_task(self._stopping.wait())
        client: Client | None = await self._connect()
        on_polling()
        while client and not await self._poll(client, stop):
            client = await self._reconnect()
        await on_draining()
        _, undone = await asyncio.wait(self._draining, timeout=(self._grace + _MARGIN).total_seconds())
        if undone:
            _leave_soon()
        else:
            await asyncio.gather(*self._draining)
        log.info("worker_stopped")

    async def _poll(self, client: Client, stop: "asyncio.Task[bool]") -> bool:
        """Poll until Temporal returned or the process is to stop.

        Return whether it is to stop.
        """
        running = [(worker, asyncio.create_task(worker.run())) for worker in self._build(client)]
        returned = asyncio.create_task(until_returned(client))
        await asyncio.wait({stop, returned, *(run for _, run in running)}, return_when=asyncio.FIRST_COMPLETED)
        returned.cancel()
        ended = [run for _, run in running if run.done()]
        for run in ended:
            await run  # raises why it can no longer poll
        if self._stopping.is_set():
            log.info("worker_draining")
        self._draining.update(asyncio.create_task(_drain(worker, run)) for worker, run in running)
        return self._stopping.is_set() or bool(ended)

    async def _reconnect(self) -> Client | None:
        """Return a new connection, None if the process is to stop meanwhile."""
        while not self._stopping.is_set():
            try:
                client = await self._connect()
            except (EngineUnavailable, RPCError) as error:
                log.warning("temporal_not_ready", error=type(error).__name__)
                await asyncio.sleep(_PROBE_SECONDS)
            else:
                log.warning("temporal_returned")
                return client
        return None


def _leave_soon() -> None:
    """End the process soon, whatever its event loop waits for.

    A worker repeats its local activities by itself, also while it drains: one that fails again and again, since a
    provider or the database is away, would hold the process up for as long. The next worker takes them over.
    """
    log.warning("worker_left_undone", leaves_in_seconds=_LEAVING_SECONDS)
    leaving = threading.Timer(_LEAVING_SECONDS, os._exit, [1])
    leaving.daemon = True
    leaving.start()


async def _drain(worker: Worker, running: "asyncio.Task[None]") -> None:
    await worker.shutdown()
    await running


async def until_returned(client: Client) -> None:
    """Return when Temporal answers after it had refused connections for a while."""
    refusing_since: float | None = None
    while True:
        await asyncio.sleep(_PROBE_SECONDS)
        match await _answers(client):
            case True if refusing_since is not None and time.monotonic() - refusing_since > _PATIENT_SECONDS:
                return
            case True:
                refusing_since = None
            case False:
                refusing_since = refusing_since or time.monotonic()


async def _answers(client: Client) -> bool | None:
    """Return whether Temporal answers; None while it is silent."""
    try:
        return await client.service_client.check_health(timeout=_ANSWER)
    except RPCError as error:
        return False if error.status is RPCStatusCode.UNAVAILABLE else None


def _on_signal(stop: asyncio.Event, number: signal.Signals) -> None:
    if stop.is_set():
        log.warning("worker_left_at_once", signal=number.name)
        os._exit(128 + number)
    stop.set()


def _on_lifeline(stop: asyncio.Event, lifeline: int) -> None:
    if not os.read(lifeline, 1024):
        asyncio.get_running_loop().remove_reader(lifeline)
        stop.set()
