"""Revisions of an article's text, made by stages or a person.

None is ever overwritten: a change is the next one.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from .content import Content
from .ids import ArticleId


class MadeBy(StrEnum):
    """What made a revision."""

    MACHINE = "machine"
    HUMAN = "human"


class RevisionSummary(BaseModel):
    """A revision without its text.

    Attributes:
        number: of the text: counts machine and human ones of the article, from 1.
        content_hash: of the text; what an approval names.
        author: the person who made it; None for a machine.
        parent: the revision that it changed; None for the first.
        stage_revision: which pass through the article's stages it was made of; None for a person's.
        renderer_version: of the code that sanitised it.
        created_at: for a machine's, when its last stage finished.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    article_id: ArticleId
    number: int
    content_hash: str
    made_by: MadeBy
    author: str | None
    parent: int | None
    stage_revision: int | None
    renderer_version: int
    created_at: datetime


class Revision(RevisionSummary):
    """A revision with its text."""

    content: Content
