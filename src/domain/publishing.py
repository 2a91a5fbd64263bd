"""Publications: approved texts on their way to a target, and there.

A target is where a site's pages go: a folder, later a content management system. What a target may answer decides how
it is asked: no answer at all means that it may have taken the page, so it is looked for by our own key before anything
is sent again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from .ids import ArticleId

PublicationId = NewType("PublicationId", UUID)


class TargetName(StrEnum):
    """The targets there are."""

    FOLDER = "folder"


class Wish(StrEnum):
    """When somebody wants what he approves to go out."""

    NOW = "now"  # as soon as it can no longer be undone
    CADENCE = "cadence"  # when the site's cadence has room
    NO = "no"  # not by this approval


PublishWish = Wish | datetime
"""When somebody wants what he approves to go out; a time is in UTC."""


class PublicationStatus(StrEnum):
    """Progress of a publication."""

    SCHEDULED = "scheduled"  # waits for its time; undoing it leaves no trace
    PUBLISHING = "publishing"  # the target is asked; whether it has the page is not known yet
    PUBLISHED = "published"  # the target has it
    VERIFIED = "verified"  # it was read back, and is what was sent
    REPLACED = "replaced"  # a later publication of the article took its place
    TAKING_OFF = "taking_off"  # the target is asked to take it off
    TAKEN_OFF = "taken_off"  # it was there and is no more; its bytes are kept
    UNDONE = "undone"  # it never went out
    FAILED = "failed"  # the target refuses it

    def may_become(self, other: "PublicationStatus") -> bool:
        """Return whether a publication in this status may change to ``other``.

        Keeping the status is always allowed.
        """
        return other is self or other in _BECOMES[self]

    @classmethod
    def sources(cls, target: "PublicationStatus") -> tuple["PublicationStatus", ...]:
        """Return the statuses from which a publication may become ``target``."""
        return tuple(status for status in cls if status.may_become(target))

    @property
    def is_open(self) -> bool:
        """Return whether its workflow has something to do."""
        return self in _OPEN

    @property
    def is_live(self) -> bool:
        """Return whether the target has it."""
        return self in _LIVE


_OPEN = (PublicationStatus.SCHEDULED, PublicationStatus.PUBLISHING, PublicationStatus.TAKING_OFF)
_LIVE = (PublicationStatus.PUBLISHED, PublicationStatus.VERIFIED)
_BECOMES: Mapping[PublicationStatus, set[PublicationStatus]] = {
    PublicationStatus.SCHEDULED: {PublicationStatus.PUBLISHING, PublicationStatus.UNDONE},
    PublicationStatus.PUBLISHING: {PublicationStatus.PUBLISHED, PublicationStatus.FAILED},
    PublicationStatus.PUBLISHED: {
        PublicationStatus.VERIFIED,
        PublicationStatus.REPLACED,
        PublicationStatus.TAKING_OFF,
    },
    PublicationStatus.VERIFIED: {
        PublicationStatus.PUBLISHED,  # it is no longer what was sent
        PublicationStatus.REPLACED,
        PublicationStatus.TAKING_OFF,
    },
    PublicationStatus.TAKING_OFF: {PublicationStatus.TAKEN_OFF, PublicationStatus.PUBLISHED},  # it refused to
    PublicationStatus.REPLACED: set(),
    PublicationStatus.TAKEN_OFF: set(),
    PublicationStatus.UNDONE: set(),
    PublicationStatus.FAILED: set(),
}


class ApprovedText(BaseModel):
    """A text that a named person approved: exactly these bytes.

    Attributes:
        content_hash: of the content.
        reviewer: as the page names the person.
        at: when, in UTC.
        renderer_version: of the code that showed the page; None: not known.
    """

    model_config = ConfigDict(frozen=True)

    article_id: ArticleId
    content_hash: str
    reviewer: str
    at: datetime
    renderer_version: int | None


class PublicationRecord(BaseModel):
    """A publication without its page.

    Attributes:
        path: of the page below the target, without an ending: the slug.
        due_at: when it goes out, in UTC; until then it can be undone.
        published_at: when the article was first due there, as its page says.
        modified_at: since when its text is this one, as page, sitemap and feed say.
        page_hash: SHA-256 of the page's bytes, which are made when it is requested.
        forced: why text of the offline writer goes out all the same.
        live_at: when the target had it.
        problem: why it failed, or what reading it back found.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: PublicationId
    article_id: ArticleId
    site: str
    target: TargetName
    status: PublicationStatus
    revision: int
    content_hash: str
    path: str
    canonical: str
    reviewer: str
    approved_at: datetime
    requested_by: str
    forced: str | None
    due_at: datetime
    published_at: datetime
    modified_at: datetime
    page_hash: str
    live_at: datetime | None
    verified_at: datetime | None
    ended_at: datetime | None
    problem: str | None
    created_at: datetime

    @property
    def state(self) -> dict[str, object]:
        """Return what the audit trail keeps of it."""
        return {
            "publication": str(self.id),
            "target": self.target.value,
            "status": self.status.value,
            "content_hash": self.content_hash,
            "due_at": self.due_at.isoformat(),
            "forced": self.forced,
        }


class Listing(BaseModel):
    """A page as sitemap and feed list it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    article_id: ArticleId
    canonical: str
    title: str
    description: str
    author: str
    published_at: datetime  # UTC
    modified_at: datetime  # UTC


class Channel(BaseModel):
    """The site as its sitemap and its feed describe it."""

    model_config = ConfigDict(frozen=True)

    site_name: str
    home: str
    language: str
    listings: Sequence[Listing]
    changed_at: datetime  # in UTC: of the feed, while it lists nothing


@dataclass(frozen=True)
class Page:
    """A page to be published: the bytes, where, and whose.

    Attributes:
        key: our own name for it, by which the target finds it again.
        path: below the target, without an ending.
        assets: files that the page needs, by their paths below the target.
    """

    key: str
    path: str
    html: bytes
    assets: Mapping[str, bytes]


class Target(Protocol):
    """Where the pages of one site go.

    Every request may be repeated. Each raises TargetUnavailable when it did nothing, TargetAnswerUnknown when nobody
    knows whether it did, and TargetRefused when it never will.
    """

    async def find(self, key: str) -> str | None:
        """Return the hash of the page with this key.

        Whatever became of the last request; None where there is none."""
        ...

    async def put(self, page: Page) -> None:
        """Publish the page, or replace the one with its key, never another's."""
        ...

    async def take_off(self, key: str, path: str) -> None:
        """Take the page with this key off, if it is there.

        Raises TargetRefused where ``path``, at which it was published, has a page that cannot be told to be its own.
        """
        ...

    async def read(self, key: str) -> bytes | None:
        """Return the page with this key as a reader gets it.

        None where there is none."""
        ...

    async def announce(self, files: Mapping[str, bytes]) -> None:
        """Publish sitemap and feed, by their names.

        Parts of a sitemap that are not among them are removed."""
        ...


Targets = Callable[[str, TargetName], Target]
"""Return the target of a site by its name."""


class PublicationStep(BaseModel):
    """What the workflow of an article's publications has to do next.

    Attributes:
        due: what to carry out now.
        wake_at: when to look again if nothing happens, in UTC; None: nothing is waited for.
    """

    model_config = ConfigDict(frozen=True)

    due: tuple[PublicationId, ...] = ()
    wake_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Return whether nothing is to be done and nothing is waited for."""
        return not self.due and self.wake_at is None


class PublishUseCase(Protocol):
    """Carries out publications, for their workflow."""

    async def look(self, article_id: ArticleId) -> PublicationStep:
        """Return what is due and what is waited for."""
        ...

    async def carry_out(self, publication_id: PublicationId) -> PublicationStatus:
        """Publish it or take it off; safe to repeat.

        What was published is read back.

        Raises TargetUnavailable and TargetAnswerUnknown, which are worth another attempt.
        """
        ...
