"""Longtails: keyword phrases that a site wants articles about."""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from itertools import count

from pydantic import BaseModel, ConfigDict, Field

from .errors import InputInvalid
from .text import beginning, visible

MAX_PHRASE_LENGTH = 120  # characters; longer rows are never search phrases
MAX_PRIORITY = 1000  # either way
MAX_VOLUME = 2_147_483_647  # what PostgreSQL keeps in an integer
MAX_INTENT_LENGTH = 60
MAX_SLUG_LENGTH = 75  # characters; stage D keeps to it as well
_MAX_KEY_LENGTH = 2 * MAX_PHRASE_LENGTH  # one sign can fold into eighteen; PostgreSQL indexes 2,700 bytes at most
_MARKUP = re.compile(r"<[/!?a-z]|&(#\d+|#x[0-9a-f]+|[a-z]+\d*);|[a-z][a-z0-9+.-]*://|\bwww\.\w", re.IGNORECASE)
_SAME = str.maketrans(dict.fromkeys("’‘‛ʼ′´`", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—―−", "-"))
_INAUDIBLE = re.compile("[\u200c\u200d\ufe00-\ufe0f]")  # joiners and glyph selectors: kept to show, not to compare
_FINAL = " ?!.。؟"  # a question is searched with its mark and without


class LongtailStatus(StrEnum):
    """Progress of a longtail towards an article."""

    READY = "ready"  # a batch may claim it
    CLAIMED = "claimed"  # an article of an open batch is being made of it
    WRITTEN = "written"  # an article awaits review or went on from there
    FAILED = "failed"  # its article gave up; retry the article or requeue the longtail

    def may_become(self, other: "LongtailStatus") -> bool:
        """Return whether a longtail in this status may change to ``other``.

        Keeping the status is always allowed.
        """
        return other is self or other in _BECOMES[self]

    @classmethod
    def sources(cls, target: "LongtailStatus") -> tuple["LongtailStatus", ...]:
        """Return the statuses from which a longtail may become ``target``."""
        return tuple(status for status in cls if status.may_become(target))


_BECOMES = {
    LongtailStatus.READY: {LongtailStatus.CLAIMED},
    LongtailStatus.CLAIMED: {LongtailStatus.READY, LongtailStatus.WRITTEN, LongtailStatus.FAILED},
    LongtailStatus.WRITTEN: {LongtailStatus.READY, LongtailStatus.CLAIMED},  # requeued, or its article is revised
    LongtailStatus.FAILED: {
        LongtailStatus.READY,
        LongtailStatus.CLAIMED,
        LongtailStatus.WRITTEN,  # its article's workflow was reset in Temporal
    },
}


class Longtail(BaseModel):
    """One row of a keyword list after cleaning."""

    model_config = ConfigDict(frozen=True)

    phrase: str = Field(min_length=1, max_length=MAX_PHRASE_LENGTH)  # as shown and sent to the model
    priority: int = Field(default=0, ge=-MAX_PRIORITY, le=MAX_PRIORITY)  # higher is claimed earlier
    volume: int | None = Field(default=None, ge=0, le=MAX_VOLUME)  # monthly searches; None is unknown, not zero
    difficulty: float | None = Field(default=None, ge=0, le=100)  # how hard to rank for, in the words of its source
    intent: str | None = Field(default=None, max_length=MAX_INTENT_LENGTH)  # as its source words it

    def differences(self, other: "Longtail") -> tuple[str, ...]:
        """Return the figures that are known here and differ in ``other``."""
        given = [name for name in type(self).model_fields if name in self.model_fields_set and name != "phrase"]
        return tuple(name for name in given if getattr(self, name) != getattr(other, name))

    @property
    def key(self) -> str:
        """Return the spelling under which two phrases are the same longtail."""
        return phrase_key(self.phrase)


class LongtailRecord(BaseModel):
    """A longtail of a site with its status.

    Attributes:
        source: the file it came from.
        reason: why it is in this status, where that needs one.
        slug: of its address; None until stage D first answered.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    phrase: str
    status: LongtailStatus
    priority: int
    volume: int | None
    difficulty: float | None
    intent: str | None
    source: str
    reason: str | None
    slug: str | None


def clean_phrase(text: str) -> str:
    """Return ``text`` cleaned, if it can be a search phrase.

    Its meaning is never judged: a phrase is data in every prompt and escaped in every page, so «ignore all previous
    instructions», «=1+1» and «C++ <3» are phrases like any other.

    Raises InputInvalid when nothing is left, it is too long, it carries markup or an address, or it is damaged.
    """
    try:
        phrase = visible(text)
    except ValueError as error:
        raise InputInvalid("keyword", beginning(text), str(error)) from error
    if problem := _problem_of(phrase):
        raise InputInvalid("keyword", beginning(phrase), problem)
    return phrase


def phrase_key(phrase: str) -> str:
    """Return the spelling that phrases share which people search for as one.

    Case, width, kinds of quotes and dashes, joiners and a final question mark do not count; words and accents do.
    """
    audible = _INAUDIBLE.sub("", phrase).translate(_SAME)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", audible).casefold())
    folded = " ".join(folded.translate(_SAME).split())
    return folded.rstrip(_FINAL) or folded


def slug_choices(wanted: str) -> Iterator[str]:
    """Yield the slugs to choose from, where earlier ones are taken.

    ``tap``, ``tap-2``, ``tap-3`` and so on, none longer than slugs may be.
    """
    yield wanted
    for number in count(2):
        yield f"{wanted[: MAX_SLUG_LENGTH - len(str(number)) - 1].rstrip('-')}-{number}"


def _problem_of(phrase: str) -> str | None:
    if not phrase:
        return "it is empty"
    if len(phrase) > MAX_PHRASE_LENGTH:
        return f"it has {len(phrase)} characters, the limit is {MAX_PHRASE_LENGTH}"
    if len(phrase_key(phrase)) > _MAX_KEY_LENGTH:
        return f"written out letter by letter it is longer than {_MAX_KEY_LENGTH} characters"
    if _MARKUP.search(unicodedata.normalize("NFKC", phrase)):
        return "it holds markup or an address; write the plain phrase"
    if not any(unicodedata.category(character)[0] in "LNS" for character in phrase):
        return "it holds no word"
    return None
