"""Empties a colour: what it has goes on elsewhere, or ends."""

from typing import TYPE_CHECKING

import structlog
from pydantic import BaseModel, ConfigDict

from src.domain.colour import Colour
from src.domain.deployment import ColourWork
from src.domain.errors import EngineUnavailable
from src.domain.hold import HoldState
from src.infrastructure.database.unit_of_work import Database

from ..schedules import Schedules

if TYPE_CHECKING:
    from src.infrastructure.temporal.colour_gateway import ColourGateway

log = structlog.get_logger()


class HandedOver(BaseModel):
    """How many workflows were asked to go on elsewhere."""

    model_config = ConfigDict(frozen=True)

    reviews: int = 0
    publications: int = 0
    batches: int = 0
    articles: int = 0
    resumes: int = 0
    restarted: int = 0  # no worker of their colour lives

    def __add__(self, other: "HandedOver") -> "HandedOver":
        """Return both together."""
        return HandedOver(**{name: getattr(self, name) + getattr(other, name) for name in HandedOver.model_fields})


class Rest(BaseModel):
    """What a colour still has. None is unknown, and never nothing.

    Attributes:
        open: open workflows by kind.
        backlog: tasks that no worker took.
        calls: model calls without a stored end; an answer that waits in a worker's file is one.
        workers: of the colour, that live.
    """

    model_config = ConfigDict(frozen=True)

    open: dict[str, int] | None
    backlog: int | None
    calls: int
    workers: int

    @property
    def is_nothing(self) -> bool:
        """Return whether it is known that nothing is left.

        Temporal counts tasks of workflows that were ended until a worker asks for them. Where no worker lives they stay
        for ever, and without an open workflow they are all that there can be.
        """
        is_taken = self.backlog == 0 or (self.backlog is not None and not self.workers)
        return self.open == {} and is_taken and self.calls == 0


class Drains:
    """Moves the work of one colour to another."""

    def __init__(self, database: Database, colours: "ColourGateway", schedules: Schedules) -> None:
        self._database = database
        self._colours = colours
        self._schedules = schedules
        self._told: set[str] = set()  # runs that took the signal

    async def hand_over_waiting(self, colour: Colour, *, to: Colour) -> HandedOver:
        """Have reviews and publications go on at the other colour.

        Raises EngineUnavailable.
        """
        reviews = await self._colours.hand_over_reviews(colour, to=to, told=self._told)
        publications = await self._colours.hand_over_publications(colour, to=to, told=self._told)
        self._told |= reviews | publications
        return HandedOver(reviews=len(reviews), publications=len(publications))

    async def hand_over(self, colour: Colour, *, to: Colour, fast: bool) -> HandedOver:
        """Have all go on at the other colour that can.

        Articles end where they are unless it is ``fast``. Where no worker of the colour lives everything is started
        anew on the other one. Safe to repeat: what was told is not told again. Raises EngineUnavailable.
        """
        resumes = await self._schedules.move_resumes()
        if not await self._has_workers(colour):
            moved = await self._colours.move_stuck(colour, to=to, holds=await self._holds())
            restarted = moved.batches + moved.articles + moved.reviews + moved.publications
            return HandedOver(resumes=resumes, restarted=restarted)
        waiting = await self.hand_over_waiting(colour, to=to)
        batches = await self._colours.hand_over_batches(colour, to=to, told=self._told)
        articles = await self._colours.hand_over_articles(colour, to=to, told=self._told) if fast else set()
        self._told |= batches | articles
        return waiting + HandedOver(batches=len(batches), articles=len(articles), resumes=resumes)

    async def look(self, colour: Colour) -> Rest:
        """Return what the colour still has."""
        work = await self._colours.describe_colour(colour)
        async with self._database.unit_of_work() as uow:
            calls = await uow.colours.count_open_calls(colour)
            workers = await uow.colours.list_workers(colour)
        return Rest(
            open=None if work.open is None else {each.kind.value: each.count for each in work.open},
            backlog=backlog_of(work),
            calls=calls,
            workers=sum(worker.is_alive for worker in workers),
        )

    async def try_to_hand_over(self, colour: Colour, *, to: Colour, fast: bool) -> HandedOver:
        """Hand over as ``hand_over`` does, later if Temporal is away."""
        try:
            return await self.hand_over(colour, to=to, fast=fast)
        except EngineUnavailable as error:
            log.warning("hand_over_postponed", error=error.message)
            return HandedOver()

    async def _has_workers(self, colour: Colour) -> bool:
        async with self._database.unit_of_work() as uow:
            return await uow.colours.has_unended_workers(colour)

    async def _holds(self) -> dict[str, HoldState]:
        async with self._database.unit_of_work() as uow:
            sites = [site.slug for site in await uow.sites.list_all()]
            states = {site: await uow.holds.get_state(site) for site in sites}
        return {site: state for site, state in states.items() if state.depth}


def backlog_of(work: ColourWork) -> int | None:
    """Return how many tasks of both kinds wait, None if unknown."""
    if work.workflows is None or work.activities is None:
        return None
    return work.workflows.backlog + work.activities.backlog
