"""The workload: articles of the sample shop."""

from itertools import islice, product

from src import examples as example_files
from src.domain.site import ModelChoice, Site
from src.domain.stages import Stage
from src.intake import site_file

SITE_FILE = "hardware-shop.toml"
_TASKS = (
    "fix",
    "clean",
    "replace",
    "paint",
    "choose",
    "store",
    "measure",
    "seal",
    "hang",
    "remove",
    "mend",
    "insulate",
)
_THINGS = (
    *("a dripping tap", "a sash window", "a wooden door", "a garden shed", "a brick wall", "a cast iron radiator"),
    *("a curtain rail", "a shower hose", "a loft hatch", "a letter box", "a tiled floor", "a kitchen worktop"),
    *("a door lock", "a gutter", "a fence panel", "a wall plug", "a bath seal", "a skirting board"),
    *("an extractor fan", "a stair carpet"),
)
_CASES = (
    *("without special tools", "in an old house", "before winter", "on a small budget", "in a rented flat"),
    *("on your own", "for beginners", "step by step", "in one afternoon", "the right way"),
)


def site() -> Site:
    """Return the sample shop, its stages written by the server.

    Its models are ``stage-a`` to ``stage-d``.
    """
    described = site_file.read(example_files.content(SITE_FILE), file=SITE_FILE)
    models = {stage: ModelChoice(provider="openai", model=f"stage-{stage.value.lower()}") for stage in Stage}
    return described.model_copy(update={"models": models})


def keywords(count: int, *, first: int = 0) -> list[str]:
    """``count`` different phrases, always the same ones; 2,400 are there."""
    phrases = (f"how to {task} {thing} {case}" for case, thing, task in product(_CASES, _THINGS, _TASKS))
    return list(islice(phrases, first, first + count))
