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
    """Ask the database, its migrations and Temporal; 503 when one is missing."""
    application = request.app.state.application
    readiness = await check_readiness(application.database, application.workflows)
    response.status_code = 200 if readiness.is_ready else 503
    return readiness
