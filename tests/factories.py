"""One factory a noun: what a test does not say is ordinary."""

from datetime import UTC, datetime
from typing import Any

from src.domain.batch import Trigger
from src.domain.colour import BLUE
from src.domain.ids import BatchId
from src.domain.longtail import Longtail
from src.domain.site import Site
from src.infrastructure.database.batches import BatchRequest
from src.infrastructure.database.unit_of_work import Database

SLOT = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)

PHRASES = (
    "how to fix a leaky tap",
    "best drill for concrete walls",
    "how to hang a heavy mirror",
    "paint for damp bathroom walls",
    "how to bleed a radiator",
    "wood glue or screws for shelves",
    "how to seal a draughty window",
    "cordless drill battery care",
)


def a_site(**changes: Any) -> Site:
    description = {
        "slug": "hardware-shop",
        "name": "Nut & Bolt",
        "base_url": "https://shop.example",
        "language": "en",
        "time_zone": "Europe/London",
        "articles_per_batch": 8,
        "profile": {
            "audience": "people who repair things at home",
            "word_target": 600,
            "facts": [
                {"id": "returns", "text": "Tools can be returned within 60 days."},
                {"id": "advice", "text": "The shop has an advice desk that is open on Saturdays."},
            ],
        },
    }
    return Site.model_validate(description | changes)


def longtails(count: int = 8) -> list[Longtail]:
    phrases = [PHRASES[i] if i < len(PHRASES) else f"how to store garden tool number {i}" for i in range(count)]
    return [Longtail(phrase=phrase) for phrase in phrases]


async def open_batch(
    database: Database, slot: datetime = SLOT, *, limit: int = 5, force: bool = False, run: str = "run-1"
) -> tuple[BatchId, bool]:
    request = BatchRequest(
        site="hardware-shop",
        slot=slot,
        trigger=Trigger.SCHEDULE,
        colour=BLUE,
        workflow_id=f"batch/hardware-shop-{slot:%Y-%m-%dT%H:%M:%SZ}",
        run_id=run,
    )
    return await database.run_in_transaction(lambda uow: uow.batches.open(request, limit=limit, force=force))
