"""Lets one process at a time carry out a deployment."""

import os
import secrets
import socket
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from src.domain.deployment_steps import Deployment, Step, StepRecord, is_lease_over
from src.domain.errors import Conflict, ConflictReason
from src.infrastructure.database.leases import lease_kept
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.infrastructure.workers import process


def new_runner() -> str:
    """Return this process's name for one deployment.

    First as people read it, then what proves its death.
    """
    shown = f"{socket.gethostname()}, process {os.getpid()}"
    return "|".join((shown, process.host(), str(os.getpid()), str(process.started_at()), secrets.token_hex(4)))


def has_ended(runner: str) -> bool:
    """Return whether the runner, a process of this machine, is gone."""
    _, host, pid, started, _ = runner.split("|")
    return host == process.host() and process.has_ended(int(pid), float(started))


async def is_abandoned(uow: UnitOfWork, open_: Deployment) -> bool:
    """Return whether nobody carries out the deployment any more."""
    if open_.runner is None or has_ended(open_.runner):
        return True
    return is_lease_over(open_, await uow.deployments.now())


class Lease:
    """This process's hold of one open deployment."""

    def __init__(self, database: Database, deployment: Deployment) -> None:
        assert deployment.runner is not None  # noqa: S101 - it was just taken
        self._database = database
        self._runner = deployment.runner
        self.deployment = deployment

    async def require(self, uow: UnitOfWork) -> None:
        """Raise Conflict unless the deployment is ours until ``uow`` ends."""
        if not await uow.deployments.beat(self.deployment.id, self._runner):
            raise self._lost()

    async def note(self, step: Step, record: StepRecord) -> None:
        """Put the step on record. Raises Conflict if we lost the deployment."""
        async with self._database.unit_of_work() as uow:
            if not await uow.deployments.note(self.deployment.id, self._runner, step, record):
                raise self._lost()
            self.deployment = await uow.deployments.get(self.deployment.id)

    async def refuse(self, reason: str) -> None:
        """Let the deployment go back. Raises Conflict as ``note`` does."""
        async with self._database.unit_of_work() as uow:
            if not await uow.deployments.explain(self.deployment.id, self._runner, reason):
                raise self._lost()
            self.deployment = await uow.deployments.get(self.deployment.id)

    async def hold(self, reason: str) -> None:
        """Let the deployment wait for a person. Raises Conflict as ``note`` does."""
        async with self._database.unit_of_work() as uow:
            if not await uow.deployments.hold(self.deployment.id, self._runner, reason):
                raise self._lost()
            self.deployment = await uow.deployments.get(self.deployment.id)

    def kept(self, every: timedelta) -> AbstractAsyncContextManager[None]:
        """Return a context that shows that this process lives."""
        return lease_kept(self._database, self.deployment.id, self._runner, every=every)

    def _lost(self) -> Conflict:
        return Conflict(ConflictReason.DEPLOYMENT_LOST, self.deployment.colour, kind=self.deployment.kind.value)
