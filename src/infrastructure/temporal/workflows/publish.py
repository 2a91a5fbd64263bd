"""The workflow of an article's publications: waits, then carries out.

Rows decide; a signal only says that they changed. So a publication that is undone needs no worker, and this workflow
may begin anew at any moment.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from src.domain.colour import Colour
    from src.domain.publishing import PublicationStep

    from .. import ids, policies
    from .. import search_attributes as sa
    from ..activities.publishing import PublishingActivities
    from ..messages import CarryOut, HandOver, PublishArticle

_SHORTEST_WAIT = timedelta(milliseconds=200)  # the database's clock may be a little behind Temporal's


@workflow.defn
class PublishWorkflow:
    """Carries out an article's publications, and ends when nothing is waited for."""

    def __init__(self) -> None:
        self._is_told = False
        self._next_colour: Colour | None = None

    @workflow.signal(description="Publications of this article changed: look again.")
    def look_again(self) -> None:
        """Look at the rows again."""
        self._is_told = True

    @workflow.signal(description="Go on with the workers of this colour.")
    def hand_over(self, request: HandOver) -> None:
        """Go on with workers of another colour."""
        self._next_colour = request.colour

    @workflow.run
    async def run(self, article: PublishArticle) -> None:
        """Carry out what is due until nothing is open."""
        while True:
            self._is_told = False
            step = await workflow.execute_local_activity_method(
                PublishingActivities.find_due, article, summary="what is due?", **policies.PUBLISHING
            )
            for publication_id in step.due:
                workflow.set_current_details("publishing or taking off")
                await workflow.execute_local_activity_method(
                    PublishingActivities.carry_out_publication,
                    CarryOut(publication_id=publication_id),
                    summary="publish, or take off",
                    **policies.PUBLISHING,
                )
            if step.is_over and not self._is_told:
                workflow.set_current_details("ended")
                return
            if not step.due:
                await self._wait(step)
            self._begin_anew_if_asked(article)

    async def _wait(self, step: PublicationStep) -> None:
        if step.wake_at is None:
            return
        workflow.set_current_details(f"waits until {step.wake_at:%Y-%m-%d %H:%M:%S} UTC; can be undone")
        try:
            await workflow.wait_condition(
                lambda: self._is_told or self._next_colour is not None,
                timeout=max(step.wake_at - workflow.now(), _SHORTEST_WAIT),
            )
        except TimeoutError:
            return

    def _begin_anew_if_asked(self, article: PublishArticle) -> None:
        colour = self._next_colour
        if colour is not None and ids.task_queue(colour) != workflow.info().task_queue:
            pairs = [SearchAttributePair(sa.COLOUR, str(colour))]
            if site := workflow.info().typed_search_attributes.get(sa.SITE):
                pairs.append(SearchAttributePair(sa.SITE, site))
            queue = ids.task_queue(colour)
            workflow.continue_as_new(article, task_queue=queue, search_attributes=TypedSearchAttributes(pairs))
        self._next_colour = None
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(article)
