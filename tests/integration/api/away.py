"""An application whose Temporal never answers, for tests that are about something else."""

from dataclasses import dataclass
from typing import Any, Self

from src.bootstrap import Application
from src.domain.errors import EngineUnavailable
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from src.settings import Settings
from tests.applications import ANNA


class Away:
    """Refuses whatever it is asked, at once."""

    async def answers(self, **_: object) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        async def refuse(*_: object, **__: object) -> None:
            raise EngineUnavailable(f"Temporal did not {name}")

        return refuse


@dataclass(frozen=True)
class WithoutTemporal(Application):
    """The use cases on a real database."""

    colours = Away()  # type: ignore[assignment] # likewise
    workflows = Away()  # type: ignore[assignment] # the gateways' classes are not needed to refuse
    _schedule_gateway = Away()  # type: ignore[assignment]
    _schedule_times = Away()  # type: ignore[assignment]

    @classmethod
    def on(cls, database: Database, settings: Settings) -> Self:
        """Return the application of the machine's owner."""
        return cls(settings, database, None, TemporalServer("127.0.0.1:1", None, None), ANNA)  # type: ignore[arg-type]
