"""Backfills: which slots run, and with how many articles."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from ..batch import Batch, BatchStatus
from ..ids import BackfillId, BatchId
from ..usage import Dollars

_DONE = (BatchStatus.COMPLETED, BatchStatus.PARTLY_FAILED)


class PlannedSlot(BaseModel):
    """One slot of a backfill.

    What became of it so far, and how many articles it would get now.
    """

    model_config = ConfigDict(frozen=True)

    slot: datetime  # UTC
    status: BatchStatus | None  # None: it never had a batch
    articles: int  # 0: it is left alone

    @property
    def runs(self) -> bool:
        """Return whether it would run."""
        return self.articles > 0


class BackfillPlan(BaseModel):
    """What a backfill would do.

    ``cost_usd`` None: what an article costs is not known.
    """

    model_config = ConfigDict(frozen=True)

    site: str
    slots: tuple[PlannedSlot, ...]
    force: bool
    ready: int  # longtails that wait to be claimed
    cost_usd: Dollars | None

    @property
    def to_run(self) -> tuple[PlannedSlot, ...]:
        """Return the slots that would run, in their order."""
        return tuple(planned for planned in self.slots if planned.runs)

    @property
    def articles(self) -> int:
        """Return how many articles they would be."""
        return sum(planned.articles for planned in self.slots)


class RequestedSlot(BaseModel):
    """A slot of a backfill.

    Its batch learns from here that it is one.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    backfill_id: BackfillId
    site: str
    slot: datetime
    articles: int | None  # at most; None: the site's articles_per_batch
    force: bool
    requested_by: str
    requested_at: datetime
    stopped_at: datetime | None  # from then on it opens no batch


class BackfilledSlot(BaseModel):
    """What came of a requested slot."""

    model_config = ConfigDict(frozen=True)

    slot: datetime
    batch_id: BatchId | None
    status: BatchStatus | None  # None: it has not begun
    stopped: bool


def plan_slots(
    slots: Iterable[datetime],
    batches: Mapping[datetime, Batch],
    *,
    articles_per_run: int,
    ready: int,
    force: bool,
    max_articles: int | None,
) -> tuple[PlannedSlot, ...]:
    """Return how many articles each slot gets, the oldest first.

    Missing and failed slots get articles as far as longtails and the limit reach.

    A slot that is done, running or waiting is left alone; ``force`` runs done ones again. A failed slot resumes with
    the articles it has, which cost no new longtail.
    """
    left = ready if max_articles is None else min(ready, max_articles)
    planned = []
    for slot in slots:
        batch = batches.get(slot)
        status = batch.status if batch else None
        is_wanted = status is not BatchStatus.RUNNING and (force or status not in _DONE)
        kept = min(batch.failed + batch.cancelled, articles_per_run) if batch else 0
        articles = min(articles_per_run, kept + left) if is_wanted else 0
        left -= max(0, articles - kept)
        planned.append(PlannedSlot(slot=slot, status=status, articles=articles))
    return tuple(planned)
