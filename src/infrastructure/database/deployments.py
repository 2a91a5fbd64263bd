"""Deployments: one is open, held by one process."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.colour import Colour
from src.domain.deployment import DeploymentKind, DeploymentStatus
from src.domain.deployment_steps import Deployment, DeploymentOptions, Step, StepRecord
from src.domain.errors import NotFound

from .tables import DeploymentRow


class DeploymentRepository:
    """The deployments of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def now(self) -> datetime:
        """Return the database's clock."""
        now: datetime = (await self._session.execute(select(func.clock_timestamp()))).scalar_one()
        return now

    async def find_open(self) -> Deployment | None:
        """Return the deployment that has not ended, None where there is none."""
        found = await self._list(DeploymentRow.ended_at.is_(None))
        return found[0] if found else None

    async def get(self, id_: UUID) -> Deployment:
        """Return the deployment. Raises NotFound."""
        for found in await self._list(DeploymentRow.id == id_):
            return found
        raise NotFound("deployment", id_)

    async def list_newest(self, *, limit: int) -> list[Deployment]:
        """Return the newest deployments first."""
        return await self._list(limit=limit)

    async def add(
        self,
        kind: DeploymentKind,
        colour: Colour,
        *,
        from_colour: Colour,
        options: DeploymentOptions,
        runner: str,
        by: str,
    ) -> Deployment:
        """Store a deployment that this runner carries out; lock the routing before."""
        id_ = uuid4()
        await self._session.execute(
            insert(DeploymentRow).values(
                id=id_,
                kind=kind,
                colour=colour,
                from_colour=from_colour,
                status=DeploymentStatus.RUNNING,
                options=options.model_dump(mode="json"),
                steps={},
                runner=runner,
                runner_seen_at=func.clock_timestamp(),
                started_by=by,
            )
        )
        return await self.get(id_)

    async def take(self, id_: UUID, runner: str, *, options: DeploymentOptions) -> Deployment:
        """Let the runner go on; lock the routing before."""
        await self._set(
            id_,
            None,
            runner=runner,
            runner_seen_at=func.clock_timestamp(),
            status=DeploymentStatus.RUNNING,
            options=options.model_dump(mode="json"),
        )
        return await self.get(id_)

    async def beat(self, id_: UUID, runner: str) -> bool:
        """Note that the runner lives; return whether it is still the runner."""
        return await self._set(id_, runner, runner_seen_at=func.clock_timestamp())

    async def release(self, id_: UUID, runner: str) -> bool:
        """Let another process go on at once."""
        return await self._set(id_, runner, runner=None)

    async def note(self, id_: UUID, runner: str, step: Step, record: StepRecord) -> bool:
        """Store how far the step came; return whether it is the runner's."""
        added = cast({step.value: record.model_dump(mode="json")}, JSONB)
        return await self._set(
            id_, runner, steps=DeploymentRow.steps.op("||")(added), runner_seen_at=func.clock_timestamp()
        )

    async def explain(self, id_: UUID, runner: str, reason: str | None) -> bool:
        """Store why the deployment goes back, None: it does not."""
        return await self._set(id_, runner, reason=reason)

    async def hold(self, id_: UUID, runner: str, reason: str) -> bool:
        """Let the deployment wait for a person."""
        return await self._set(id_, runner, status=DeploymentStatus.HOLDING, reason=reason, runner=None)

    async def end(self, id_: UUID, runner: str, status: DeploymentStatus) -> bool:
        """Store that the deployment has ended."""
        return await self._set(id_, runner, status=status, ended_at=func.clock_timestamp(), runner=None)

    async def supersede(self, id_: UUID) -> None:
        """End a deployment in favour of another; lock the routing before."""
        await self._set(id_, None, status=DeploymentStatus.SUPERSEDED, ended_at=func.clock_timestamp(), runner=None)

    async def _set(self, id_: UUID, expected: str | None, **columns: object) -> bool:
        """Change an open deployment, with ``expected`` only one that this runner has."""
        statement = update(DeploymentRow).where(DeploymentRow.id == id_, DeploymentRow.ended_at.is_(None))
        if expected is not None:
            statement = statement.where(DeploymentRow.runner == expected)
        changed = await self._session.execute(
            statement.values(**columns).returning(DeploymentRow.id).execution_options(synchronize_session=False)
        )
        return changed.first() is not None

    async def _list(self, *conditions: ColumnElement[bool], limit: int = 1) -> list[Deployment]:
        rows = await self._session.scalars(
            select(DeploymentRow)
            .where(*conditions)
            .order_by(DeploymentRow.started_at.desc(), DeploymentRow.id)
            .limit(limit)
            .execution_options(populate_existing=True)
        )
        return [Deployment.model_validate(_values(row)) for row in rows]


def _values(row: DeploymentRow) -> Mapping[str, object]:
    steps = {step: row.steps[step] for step in Step if step in row.steps}  # JSONB keeps no order
    return {name: getattr(row, name) for name in Deployment.model_fields} | {"steps": steps}
