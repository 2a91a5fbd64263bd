"""The queue of reviews: filters, orders, the score of a text.

A filter is a value, so that a list, the text before and the text after one, and a bulk decision mean the same rows.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from .article import ArticleStatus
from .colour import COLOURS, Colour
from .finding import Severity
from .ids import ArticleId, BatchId
from .paging import Moment
from .site import LANGUAGE_TAG, Slug

ME = "@me"
NOBODY = "@nobody"
LONGEST_WAIT = timedelta(days=3650)

FULL_SCORE = 100
PENALTIES = {Severity.BLOCKING: 20, Severity.WARNING: 5, Severity.NOTE: 1}
"""What an unwaived finding takes from the score, by its severity."""


class Tab(StrEnum):
    """Where a text stands, as the queue divides all that were finished."""

    NEEDS_REVIEW = "needs-review"
    CHANGES = "changes"
    HOLD = "hold"  # approved, and its publication can still be undone
    APPROVED = "approved"  # and neither scheduled nor live
    LIVE = "live"
    REJECTED = "rejected"
    PARKED = "parked"

    @property
    def status(self) -> ArticleStatus:
        """Return the status of its articles."""
        return _STATUS[self]


_STATUS = {
    Tab.NEEDS_REVIEW: ArticleStatus.NEEDS_REVIEW,
    Tab.CHANGES: ArticleStatus.CHANGES_REQUESTED,
    Tab.HOLD: ArticleStatus.APPROVED,
    Tab.APPROVED: ArticleStatus.APPROVED,
    Tab.LIVE: ArticleStatus.APPROVED,
    Tab.REJECTED: ArticleStatus.REJECTED,
    Tab.PARKED: ArticleStatus.PARKED,
}


class Found(StrEnum):
    """Which unwaived findings a text is to have."""

    NONE = "none"
    SOME = "some"
    BLOCKING = "blocking"


class QueueSort(StrEnum):
    """What a list is in the order of."""

    OLDEST = "oldest"  # waits longest
    NEWEST = "newest"
    WORST = "worst"  # has the lowest score
    BEST = "best"
    KEYWORD = "keyword"
    KEYWORD_BACKWARDS = "keyword-backwards"

    @property
    def is_by_age(self) -> bool:
        """Return whether an index has this order."""
        return self in (QueueSort.OLDEST, QueueSort.NEWEST)

    @property
    def is_by_score(self) -> bool:
        """Return whether findings decide."""
        return self in (QueueSort.WORST, QueueSort.BEST)

    @property
    def is_backwards(self) -> bool:
        """Return whether the greatest value comes first."""
        return self in (QueueSort.NEWEST, QueueSort.BEST, QueueSort.KEYWORD_BACKWARDS)


class FindingCounts(BaseModel):
    """How many findings of a text nobody waived."""

    model_config = ConfigDict(frozen=True)

    blocking: int = 0
    warning: int = 0
    note: int = 0

    @property
    def score(self) -> int:
        """Return how little the rules found, of 100.

        An error takes 20, a warning 5, a note 1; never below 0. It says nothing of what a reader would think.
        """
        counts = {Severity.BLOCKING: self.blocking, Severity.WARNING: self.warning, Severity.NOTE: self.note}
        return max(0, FULL_SCORE - sum(PENALTIES[severity] * count for severity, count in counts.items()))


def _known(colour: str) -> str:
    if colour not in COLOURS:
        raise ValueError(f"write {' or '.join(COLOURS)}")
    return colour


def _words(text: str) -> str:
    if not (words := " ".join(text.split())) or "\x00" in words:
        raise ValueError("write visible characters")
    return words


Wait = Annotated[timedelta, Field(ge=timedelta(0), le=LONGEST_WAIT)]


class QueueFilter(BaseModel):
    """Which rows of the queue somebody wants, and in which order.

    Attributes:
        words: a part of keyword or title, in any case.
        language: of the site, such as en-GB.
        colour: of the workers that made its batch.
        waits_from: it has waited for at least so long.
        waits_to: it has waited for at most so long.
        score_from: it has at least this score.
        who: whose it is: a name, ``@me`` or ``@nobody``.
        claimed: whether somebody looks at it now; None: either.
        snoozed: also those that are put off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tab: Tab = Tab.NEEDS_REVIEW
    words: Annotated[str, StringConstraints(max_length=120), AfterValidator(_words)] | None = None
    site: Slug | None = None
    batch: BatchId | None = None
    language: Annotated[str, StringConstraints(pattern=LANGUAGE_TAG.pattern)] | None = None
    colour: Annotated[Colour, AfterValidator(_known)] | None = None
    waits_from: Wait | None = None
    waits_to: Wait | None = None
    findings: Found | None = None
    score_from: Annotated[int, Field(ge=1, le=FULL_SCORE)] | None = None
    who: Annotated[str, StringConstraints(pattern=r"^(@me|@nobody|[a-z0-9][a-z0-9._-]{0,63})$")] | None = None
    claimed: bool | None = None
    snoozed: bool = False
    sort: QueueSort = QueueSort.OLDEST

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Self:
        if self.waits_from is not None and self.waits_to is not None and self.waits_from > self.waits_to:
            raise ValueError("the least wait is above the most")
        return self

    def within(self, name: str) -> Self:
        """Return the filter with ``@me`` as this name."""
        return self.model_copy(update={"who": name}) if self.who == ME else self

    @property
    def is_default(self) -> bool:
        """Return whether it leaves no row of its tab out."""
        return self == type(self)(tab=self.tab, sort=self.sort, snoozed=self.snoozed)


class QueuePosition(BaseModel):
    """A row of the queue in any of its orders.

    Attributes:
        at: since when it waits.
        score: of a list by score.
        keyword: of a list by keyword.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Moment
    id: ArticleId
    score: int | None = None
    keyword: Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")] | None = None
