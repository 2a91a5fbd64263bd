"""The text of an article as people approve it.

Frozen with the site's facts that its page shows, and named by one hash. From rendering on the sanitised HTML of each
section is the text; Markdown is only how a model answers.
"""

import hashlib
import json
from datetime import datetime

from pydantic import BaseModel, ConfigDict


class ContentSection(BaseModel):
    """One h2 of the article and what stands below it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str  # as the outline names it
    heading: str
    html: str  # sanitised, without ids


def _digest(texts: list[str]) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


class Content(BaseModel):
    """What is approved: all a page shows but dates and reviewer.

    A field that is added later needs a default that changes no hash: it is left out while it has it.

    Attributes:
        keyword: what the article answers.
        questions: the id of the section that holds the answered questions.
        home: the site's own address.
        offline: a part was written by the offline writer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    keyword: str
    h1: str
    title: str
    description: str
    slug: str
    og_title: str
    og_description: str
    tags: tuple[str, ...]
    language: str
    introduction: str  # sanitised HTML, may be empty
    sections: tuple[ContentSection, ...]
    questions: str | None
    faq_schema: bool
    author: str | None
    publisher: str
    site_name: str
    home: str
    offline: bool

    @property
    def hash(self) -> str:
        """Return the SHA-256 over the canonical JSON."""
        document = self.model_dump(mode="json", exclude_defaults=True)
        canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def block_hashes(self) -> dict[str, str]:
        """Return a hash of each block by its section's id.

        The empty id is of what stands before the first section.
        """
        opening = {"": _digest([self.h1, self.introduction])}
        return opening | {each.id: _digest([each.heading, each.html]) for each in self.sections}

    @property
    def address(self) -> str:
        """Return the address below the site's own that its slug names."""
        return f"{self.home.rstrip('/')}/{self.slug}"

    @property
    def names(self) -> list[str]:
        """Return author and publisher, as page and structured data name them."""
        return list(dict.fromkeys([self.author or self.publisher, self.publisher]))


class Approval(BaseModel):
    """Who approved a content, and when."""

    model_config = ConfigDict(frozen=True)

    reviewer: str
    at: datetime


class Publication(BaseModel):
    """Where and when a content is published, in UTC."""

    model_config = ConfigDict(frozen=True)

    published_at: datetime
    modified_at: datetime
    canonical: str
