"""Runs the watchdog's checks of all sites."""

from datetime import UTC, datetime, timedelta

import structlog

from src.domain.errors import LongtailError
from src.infrastructure.database.unit_of_work import Database

from .publication_watch import PublicationWatch
from .review_watch import ReviewWatch
from .slot_watch import SlotWatch
from .unfinished_watch import UnfinishedWatch

log = structlog.get_logger()

RUNS_KEPT = timedelta(days=90)


class Watchdog:
    """Checks slots, what is unfinished, reviews and publications.

    Each alert is logged once.
    """

    def __init__(
        self,
        database: Database,
        slots: SlotWatch,
        unfinished: UnfinishedWatch,
        reviews: ReviewWatch,
        publications: PublicationWatch,
    ) -> None:
        self._database = database
        self._slots = slots
        self._unfinished = unfinished
        self._reviews = reviews
        self._publications = publications

    async def run(self) -> int:
        """Check every site, repair what is left over, and record this run.

        Return how many alerts are new.
        """
        now = datetime.now(UTC)
        raised = await self._slots.look(now)
        try:
            raised += await self._unfinished.look(now)
        except LongtailError as error:  # the next look finds it again
            log.warning("unfinished_not_watched", error=str(error))
        try:
            raised += await self._reviews.look()
        except LongtailError as error:  # likewise
            log.warning("reviews_not_watched", error=str(error))
        try:
            await self._publications.look()
        except LongtailError as error:  # likewise
            log.warning("publications_not_watched", error=str(error))
        for alert in raised:
            log.warning("alert_raised", kind=alert.kind, site=alert.site, subject=alert.subject, detail=alert.detail)
        await self._database.run_in_transaction(
            lambda uow: uow.watchdog.record_run(now, alerts=len(raised), keep=RUNS_KEPT)
        )
        return len(raised)
