"""One factory a noun: what a test does not say is ordinary."""

from typing import Any

from src.domain.longtail import Longtail
from src.domain.site import Site

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
