"""Checks this code before a colour that runs it gets work."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, computed_field

from src.domain.colour import Colour
from src.domain.deployment import other_than
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.replay import ReplayCount, ReplayFailure
from src.domain.running_code import Difference, RunningCode, compare
from src.infrastructure.database.unit_of_work import Database

from .contracts import ContractRefusal, contract_refusal

if TYPE_CHECKING:
    from src.infrastructure.temporal.replays import Replays

Tell = Callable[[int, int], None]


class DeployCheckReport(BaseModel):
    """What would break, and what differs.

    Attributes:
        colour: what this code is to run on.
        compared_with: the other colour's newest worker that lives; None: it has none.
        replayed: histories, by type of workflow.
        failures: workflows that this code cannot go on with.
        contract: a migration that takes away what living workers use.
        differences: to the other worker's code and settings; they are shown, and fail nothing.
        gone: histories that were deleted meanwhile.
    """

    model_config = ConfigDict(frozen=True)

    colour: Colour
    code: RunningCode
    compared_with: str | None
    replayed: tuple[ReplayCount, ...]
    failures: tuple[ReplayFailure, ...]
    contract: ContractRefusal | None
    differences: tuple[Difference, ...]
    gone: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> bool:
        """Return whether the code may be deployed."""
        return not self.failures and self.contract is None


class DeployCheck:
    """The check, as one person runs it."""

    def __init__(self, database: Database, replays: "Replays", code: RunningCode, *, by: Principal) -> None:
        self._database = database
        self._replays = replays
        self._code = code
        self._by = by

    async def run(
        self, colour: Colour | None = None, *, closed: int | None = None, tell: Tell = lambda *_: None
    ) -> DeployCheckReport:
        """Check this code for the colour.

        By default that is the one that takes no new work. ``tell`` hears how many histories of how many are replayed;
        ``closed`` is how many of ended workflows are. Raises NotPermitted and EngineUnavailable.
        """
        self._by.require(Action.DEPLOYMENT_READ, None)
        async with self._database.unit_of_work() as uow:
            colour = colour or other_than((await uow.routing.read()).active)
            others = [each for each in await uow.workers.list_latest(other_than(colour)) if each.is_alive]
        contract = await contract_refusal(self._database)
        replay = await self._replays.replay(tell=tell, **({} if closed is None else {"closed": closed}))
        return DeployCheckReport(
            colour=colour,
            code=self._code,
            compared_with=others[0].instance if others else None,
            replayed=replay.counts,
            failures=replay.failures,
            contract=contract,
            differences=compare(self._code, others[0].code) if others else (),
            gone=replay.gone,
        )
