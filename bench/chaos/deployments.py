"""Deployments among the bad days: commands that are run, killed, and ended."""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from src.bootstrap import Application
from src.domain.colour import Colour
from src.domain.deployment import DeploymentKind, DeploymentStatus, other_than
from src.domain.errors import LongtailError
from src.settings import Settings

from .testbed import Testbed, patiently

_COMMAND_SECONDS = 120.0  # after which a person gives up
_END_SECONDS = 150.0
_POLL_SECONDS = 0.5
_TIME_FACTOR = 0.2  # of the time between two looks at a colour that is emptied


async def standby(testbed: Testbed) -> Colour:
    """Return the colour that takes no new work."""

    async def read() -> Colour:
        async with testbed.installed.database.unit_of_work() as uow:
            return (await uow.routing.read()).active

    return other_than(await patiently(read))


async def run_command(testbed: Testbed, *words: str, killed_after: float | None) -> None:
    """Run ``longtail deploy``, to its end or until it is killed."""
    log = testbed.installed.folder / "deploy.log"
    process = testbed.installed.command("deploy", *words, "--yes", log=log)
    seconds = _COMMAND_SECONDS if killed_after is None else killed_after
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while process.poll() is None:  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(_POLL_SECONDS / 10)
    process.kill()
    await asyncio.to_thread(process.wait)


async def end_what_is_open(testbed: Testbed, commands: list["asyncio.Task[None]"]) -> list[str]:
    """Wait for the commands, then go on with what they left open.

    Return what would not end.
    """
    await asyncio.gather(*commands)
    application, deadline = _application(testbed), time.monotonic() + _END_SECONDS
    problem = ""
    while time.monotonic() < deadline:
        try:
            open_ = (await application.deployments.status()).deployment
            if open_ is None:
                return []
            await _go_on(application, open_.kind, open_.colour)
        except (LongtailError, DBAPIError, PoolTimeout, OSError) as error:  # the lease of a killed command, for one
            problem = str(error)
        await asyncio.sleep(_POLL_SECONDS)
    return [f"a deployment stays open: {problem}"]


async def empty_the_standby(testbed: Testbed) -> list[str]:
    """Drain the standby colour; return what that leaves."""
    application = _application(testbed)
    try:
        async with asyncio.timeout(_END_SECONDS):
            ended = await _go_on(application, DeploymentKind.DRAIN, await standby(testbed))
    except TimeoutError:
        ended = None
    if ended is DeploymentStatus.DONE:
        return []
    return [f"the standby colour is not empty: {(await application.deployments.status()).model_dump_json()}"]


async def _go_on(application: Application, kind: DeploymentKind, colour: Colour) -> DeploymentStatus:
    deployments = application.deployments
    if kind is DeploymentKind.PROMOTE:
        begun = await deployments.promote(colour)
    elif kind is DeploymentKind.DRAIN:
        begun = await deployments.drain(colour, fast=True)
    else:
        begun = await deployments.roll_back(fast=True)
    return (await deployments.carry_out(begun)).status


def _application(testbed: Testbed) -> Application:
    home = testbed.installed.folder / "home"
    settings = Settings.model_construct(home=home, time_factor=_TIME_FACTOR)
    return replace(testbed.installed.application, settings=settings)
