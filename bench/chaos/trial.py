"""One seed from its plan to its verdict."""

import asyncio
import time
from collections import Counter

from pydantic import BaseModel, ConfigDict

from src.infrastructure.embedded.process import POLL_SECONDS
from src.infrastructure.temporal import ids

from . import books, deployments, recovery
from .books import Counts
from .disturbances import Disturbances
from .plan import Kind, Plan, draw
from .testbed import Sites, Testbed, add_sites

_END_SECONDS = 20.0  # in which workflows end once their rows have


class Outcome(BaseModel):
    """What a trial came to.

    Attributes:
        not_taken: what people asked for, and got an error.
        wrong: what does not hold; empty if all is well.
        seconds: the whole trial; of these ``recovery`` after everything was healed.
    """

    model_config = ConfigDict(frozen=True)

    plan: Plan
    counts: Counts
    not_taken: list[str]
    wrong: list[str]
    seconds: float
    recovery: float

    @property
    def events(self) -> Counter[Kind]:
        """Return how often each kind of event happened."""
        return Counter(event.kind for event in self.plan.events)

    def explain(self) -> str:
        """Return the plan, and what does not hold."""
        taken = [f"  not taken: {each}" for each in self.not_taken]
        return "\n".join([str(self.plan), *taken, *(f"  WRONG: {problem}" for problem in self.wrong)])


async def run(seed: int, testbed: Testbed, *, colours: bool = False) -> Outcome:
    """Run the seed's trial.

    With ``colours`` there are deployments among its events, and at its end the standby colour is emptied.
    """
    begun = time.monotonic()
    plan = draw(seed, colours=colours)
    await recovery.heal(testbed)
    testbed.models.reset(latency=plan.latency)
    sites = await add_sites(plan, testbed)
    disturbances = Disturbances(testbed, sites)
    for slug in sites.slugs:
        await sites.open(testbed, slug)
    await disturbances.run()
    await recovery.heal(testbed)
    wrong = await deployments.end_what_is_open(testbed, disturbances.commands) if colours else []
    took = await recovery.run_to_the_end(testbed, sites)
    wrong += await books.list_left(testbed, sites)
    wrong += await _still_running(testbed, sites)
    if colours:
        wrong += await deployments.empty_the_standby(testbed)
    kept = await books.read(testbed, sites)
    return Outcome(
        plan=plan,
        counts=kept.count(),
        not_taken=disturbances.refused,
        wrong=[*wrong, *kept.problems(sites), *_spooled(testbed)],
        seconds=time.monotonic() - begun,
        recovery=took,
    )


async def _still_running(testbed: Testbed, sites: Sites) -> list[str]:
    """Return the workflows that run on although their rows have ended.

    Reviews wait for people.
    """
    ours = f"Site IN ({', '.join(repr(slug) for slug in sites.slugs)})"
    query = f"{ours} AND ExecutionStatus = 'Running' AND WorkflowType != '{ids.REVIEW_WORKFLOW}'"
    deadline = time.monotonic() + _END_SECONDS
    while running := [each.id async for each in testbed.installed.client.list_workflows(query)]:
        if time.monotonic() > deadline:
            return [f"{workflow_id} runs on" for workflow_id in running]
        await asyncio.sleep(POLL_SECONDS * 10)
    return []


def _spooled(testbed: Testbed) -> list[str]:
    files = (testbed.installed.folder / "home" / "spool").glob("*.json")
    return [f"{file.name} waits in the spool" for file in files]
