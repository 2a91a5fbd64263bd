"""Tells probes whether the process lives and can work.

They need no token."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from src.application.health import Readiness, check_readiness

router = APIRouter(tags=["health"])

_NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": Readiness, "description": "Something is missing."}}


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"


@router.get("/health/live")
async def is_alive() -> Alive:
    """Answer, without asking anybody."""
    return Alive()


@router.get("/health/ready", responses=_NOT_READY)
async def is_ready(request: Request, response: Response) -> Readiness:
    """Ask the database, its migrations and Temporal.

    503 when one is missing, and once the process was told to stop: a proxy sends its requests elsewhere then.
    """
    state = request.app.state
    readiness = await check_readiness(
        state.application.database, state.application.workflows, is_leaving=state.streams.stopping.is_set()
    )
    response.status_code = 200 if readiness.is_ready else 503
    return readiness
