"""Holds: how deeply a person stopped a site, or all."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class HoldDepth(StrEnum):
    """Depth of a hold; each includes those before it."""

    ARTICLES = "articles"  # no new article starts
    STAGES = "stages"  # articles under way stop before their next stage
    CALLS = "calls"  # calls under way are cut off, and asked again after the release

    def includes(self, other: "HoldDepth") -> bool:
        """Return whether this stops what ``other`` stops."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = tuple(HoldDepth)


class Hold(BaseModel):
    """An active hold."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    site: str | None  # None: all sites
    depth: HoldDepth
    note: str
    held_by: str
    held_at: datetime

    @property
    def state(self) -> dict[str, Any]:
        """Return what the audit trail keeps of it."""
        return self.model_dump(mode="json", include={"depth", "note"})


class HoldState(BaseModel):
    """Combined state of all holds on one site.

    The deepest wins. ``depth`` None: not held.

    States may arrive in any order and more than once; of two the one with the higher ``version`` is true.
    """

    model_config = ConfigDict(frozen=True)

    version: int = 0
    depth: HoldDepth | None = None

    @classmethod
    def of(cls, depths: Iterable[HoldDepth], *, version: int) -> Self:
        """Return the combined state of several holds."""
        return cls(version=version, depth=max(depths, key=_ORDER.index, default=None))

    def stops(self, what: HoldDepth) -> bool:
        """Return whether this stops ``what``."""
        return self.depth is not None and self.depth.includes(what)
