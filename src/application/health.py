"""Tells whether this process can do its work."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from src.domain.errors import SchemaOutdated
from src.infrastructure.database import schema
from src.infrastructure.database.errors import as_error
from src.infrastructure.database.unit_of_work import Database

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

_PATIENCE = timedelta(seconds=3)  # below the time-outs that probes usually have


class Readiness(BaseModel):
    """What the process needs, and in which state it is."""

    model_config = ConfigDict(frozen=True)

    database: Literal["ok", "unavailable"]
    migrations: Literal["ok", "outdated", "unknown"]
    temporal: Literal["ok", "unavailable"]

    @property
    def is_ready(self) -> bool:
        """Return whether nothing is missing."""
        return (self.database, self.migrations, self.temporal) == ("ok", "ok", "ok")


async def check_readiness(database: Database, workflows: "WorkflowGateway") -> Readiness:
    """Ask the database and Temporal, for a few seconds at most."""
    migrations, answers = await asyncio.gather(_migrations(database), workflows.answers(within=_PATIENCE))
    return Readiness(
        database="unavailable" if migrations == "unknown" else "ok",
        migrations=migrations,
        temporal="ok" if answers else "unavailable",
    )


async def _migrations(database: Database) -> Literal["ok", "outdated", "unknown"]:
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            await schema.require_current(database.engine)
    except SchemaOutdated:
        return "outdated"
    except Exception as error:
        if as_error(error) is None:
            raise
        return "unknown"
    return "ok"
