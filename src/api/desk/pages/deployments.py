"""Deployments: both colours, and what is under way between them."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from src.domain.deployment import DeploymentKind
from src.domain.deployment_steps import Deployment, Possible
from src.domain.permissions import Action

from ...routes.deployments import carry_out
from ...values import WhichColour
from .. import deployment_words as words
from ..notices import Notice
from ..shell import PATH, redirect, render
from ..signed_in import Desk

router = APIRouter()

_HERE = f"{PATH}/deployments"
_ACTIONS = {
    DeploymentKind.PROMOTE: Action.DEPLOYMENT_PROMOTE,
    DeploymentKind.DRAIN: Action.DEPLOYMENT_DRAIN,
    DeploymentKind.ROLLBACK: Action.DEPLOYMENT_ROLLBACK,
}
_VERBS = {DeploymentKind.PROMOTE: "promote", DeploymentKind.DRAIN: "drain", DeploymentKind.ROLLBACK: "rollback"}
Colour = Annotated[WhichColour, Form()]


@router.get("/deployments")
async def show_colours(request: Request, acting: Desk) -> Response:
    """Show both colours, the open deployment, and what may be done."""
    status = await acting.deployments.status()
    buttons = [
        (_VERBS[each.kind], words.KIND[each.kind].format(colour=each.colour), each.colour)
        for each in status.possible
        if acting.principal.may(_ACTIONS[each.kind], None)
    ]
    return await render(request, "deployments.html", found=status, buttons=buttons, words=words)


@router.get("/deployments/confirm")
async def confirm(
    request: Request, acting: Desk, kind: DeploymentKind, colour: Annotated[WhichColour, Query()]
) -> Response:
    """Show what a deployment does before it begins."""
    acting.principal.require(_ACTIONS[kind], None)
    status = await acting.deployments.status()
    is_possible = Possible(kind=kind, colour=colour) in status.possible
    lines = [words.MEANS[kind].format(colour=colour)]
    lines += [] if is_possible else ["It is not possible at this moment: another one is under way."]
    lines += [] if status.of(colour).is_alive or kind is DeploymentKind.DRAIN else [f"No worker of {colour} lives now."]
    return await render(
        request,
        "confirm.html",
        section="Deployments",
        title=f"{words.KIND[kind].format(colour=colour)}?",
        lines=lines,
        action=f"{_HERE}/{_VERBS[kind]}",
        hidden=[("colour", colour)],
        button=words.KIND[kind].format(colour=colour),
        back=_HERE,
    )


@router.post("/deployments/promote")
async def promote(request: Request, acting: Desk, colour: Colour) -> Response:
    """Give a colour all new work."""
    return _begun(request, carry_out(request, acting, await acting.deployments.promote(colour)))


@router.post("/deployments/drain")
async def drain(request: Request, acting: Desk, colour: Colour) -> Response:
    """Empty a colour."""
    return _begun(request, carry_out(request, acting, await acting.deployments.drain(colour)))


@router.post("/deployments/rollback")
async def roll_back(request: Request, acting: Desk) -> Response:
    """Go back to the other colour."""
    return _begun(request, carry_out(request, acting, await acting.deployments.roll_back()))


def _begun(request: Request, deployment: Deployment) -> Response:
    text = f"{words.name(deployment)}. Its steps are below; open the page again to see how far it is."
    return redirect(request, _HERE, Notice(head="Begun", text=text))
