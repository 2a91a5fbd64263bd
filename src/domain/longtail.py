"""A longtail: one keyword phrase that a site wants an article about, cleaned on its way in."""

import re
import unicodedata
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from .errors import InputInvalid

MAX_PHRASE_LENGTH = 120  # characters; longer rows are never search phrases
_INVISIBLE = {"Cc", "Cf", "Co", "Cs"}  # control, format (bidi, zero-width), private use, surrogate
_JOINERS = {"\u200c", "\u200d"}  # part of the spelling in several scripts and of emoji
_MARKUP = re.compile(r"<[^>]*>?|&[a-z]+;|https?://|www\.", re.IGNORECASE)


class LongtailStatus(StrEnum):
    """Where a longtail is on its way into an article."""

    READY = "ready"  # a batch may claim it
    CLAIMED = "claimed"  # an article of an open batch is being made of it
    WRITTEN = "written"  # an article awaits review or went on from there
    FAILED = "failed"  # its article gave up; retry the article or requeue the longtail


class Longtail(BaseModel):
    """One row of a keyword list after cleaning."""

    model_config = ConfigDict(frozen=True)

    phrase: str = Field(min_length=1, max_length=MAX_PHRASE_LENGTH)  # as shown and sent to the model
    priority: int = Field(default=0, ge=-1000, le=1000)  # higher is claimed earlier
    volume: int | None = Field(default=None, ge=0)  # monthly searches; None is unknown, not zero
    difficulty: float | None = Field(default=None, ge=0, le=100)
    intent: str | None = Field(default=None, max_length=60)

    @property
    def key(self) -> str:
        """The spelling under which two phrases are the same longtail."""
        return phrase_key(self.phrase)


def clean_phrase(text: str) -> str:
    """Return ``text`` as one line of visible characters, NFKC-normalised (reference: Unicode TR15).

    Raises InputInvalid when nothing is left, it is longer than MAX_PHRASE_LENGTH, or it carries markup or an address.
    """
    normal = unicodedata.normalize("NFKC", text)
    visible = "".join(_visible(character) for character in normal)
    phrase = " ".join(visible.split()).strip("\u200c\u200d ")
    if not phrase:
        raise InputInvalid("keyword", text[:40], "it is empty")
    if len(phrase) > MAX_PHRASE_LENGTH:
        raise InputInvalid(
            "keyword", phrase[:40] + "…", f"it has {len(phrase)} characters, the limit is {MAX_PHRASE_LENGTH}"
        )
    if _MARKUP.search(phrase):
        raise InputInvalid("keyword", phrase, "it holds markup or an address; write the plain phrase")
    return phrase


def phrase_key(phrase: str) -> str:
    """Fold case, so that «Leaky Tap» and «leaky tap» are one longtail."""
    return unicodedata.normalize("NFKC", phrase.casefold())


def _visible(character: str) -> str:
    if character in _JOINERS:
        return character
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _INVISIBLE else character
