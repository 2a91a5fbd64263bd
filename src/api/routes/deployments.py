"""Deployments: the state of both colours; promote, drain, roll back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from pydantic import Field

from src.application.deployments.status import DeployStatus
from src.bootstrap import Application
from src.domain.deployment_steps import Deployment, DeploymentOptions

from ..authentication import Acting
from ..background import Background
from ..once import Route
from ..values import Body, WhichColour

router = APIRouter(route_class=Route, tags=["deployments"])


class Promotion(Body):
    """A colour that is to have all new work."""

    colour: WhichColour
    share: int | None = Field(
        default=None, ge=1, le=99, description="First only so many articles, in percent, which are judged."
    )
    minutes: int = Field(default=30, ge=1, le=10_000, description="After which the canary asks, if there are too few.")


class Drain(Body):
    """A colour that is to be emptied."""

    colour: WhichColour
    fast: bool = Field(default=False, description="Articles go on at the other colour with their next stage.")


class Rollback(Body):
    """How to go back to the other colour."""

    fast: bool = Field(default=False, description="Articles go on at the other colour with their next stage.")


@router.get("/deployments")
async def show_colours(acting: Acting) -> DeployStatus:
    """Show both colours, and what is under way between them."""
    return await acting.deployments.status()


@router.get("/deployments/{deployment}")
async def show_deployment(acting: Acting, deployment: Annotated[UUID, Path(description="Its id.")]) -> Deployment:
    """Show how far a deployment came."""
    return await acting.deployments.get(deployment)


@router.post("/deployments/promote", status_code=202)
async def promote(request: Request, acting: Acting, asked: Promotion) -> Deployment:
    """Give a colour all new work, or go on with that.

    Ask for the deployment to see how far it is."""
    minutes = {"longest": asked.minutes * 60}
    options = DeploymentOptions.model_validate({"share": asked.share, **minutes})
    return carry_out(request, acting, await acting.deployments.promote(asked.colour, options=options))


@router.post("/deployments/drain", status_code=202)
async def drain(request: Request, acting: Acting, asked: Drain) -> Deployment:
    """Empty a colour that takes no new work, or go on."""
    return carry_out(request, acting, await acting.deployments.drain(asked.colour, fast=asked.fast))


@router.post("/deployments/rollback", status_code=202)
async def roll_back(request: Request, acting: Acting, asked: Rollback) -> Deployment:
    """Go back to the other colour at once, whatever is under way."""
    return carry_out(request, acting, await acting.deployments.roll_back(fast=asked.fast))


def carry_out(request: Request, acting: Application, begun: Deployment) -> Deployment:
    """Return the deployment at once; it goes on in this process."""
    background: Background = request.app.state.background
    background.start(f"{begun.kind} {begun.colour}", acting.deployments.carry_out(begun))
    return begun
