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


@router.get("/health/serving", responses={503: {"model": Alive, "description": "It was told to stop."}})
async def is_serving(request: Request, response: Response) -> Alive:
    """Answer a proxy: 503 once the process was told to stop.

    It goes on serving for a while after that.

    A replica that leaves is left by this before it closes its port. What it needs is not asked, since without Temporal
    or a colour most pages work, and other replicas would lack the same.
    """
    if request.app.state.streams.stopping.is_set():
        response.status_code = 503
        return Alive(status="leaving")
    return Alive(status="serving")


@router.get("/health/ready", responses=_NOT_READY)
async def is_ready(request: Request, response: Response) -> Readiness:
    """Ask the database, its migrations and Temporal; 503 when one is missing."""
    application = request.app.state.application
    readiness = await check_readiness(application.database, application.workflows)
    response.status_code = 200 if readiness.is_ready else 503
    return readiness
