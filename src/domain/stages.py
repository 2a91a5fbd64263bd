"""The four stages and the artefact each hands to the next.

Artefacts are what an operator reads in Temporal's UI. Histories and the database keep them for longer than a version
lives, so these types have no limits and ignore what they do not know: another version may have had other limits. Only a
fresh answer is checked, by the types of the same names in ``src/agents/answers.py``.
"""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Stage(StrEnum):
    """The agents in their order; the value is also the activity's id."""

    KEYWORD_ANALYSIS = "A"
    OUTLINE = "B"
    ARTICLE = "C"
    SEO_METADATA = "D"

    @property
    def label(self) -> str:
        """Return the name people use."""
        return {"A": "keyword analysis", "B": "outline", "C": "article", "D": "SEO metadata"}[self.value]

    @property
    def position(self) -> int:
        """Return its place in the order, from 0."""
        return STAGES.index(self)


STAGES = tuple(Stage)


class Artefact(BaseModel):
    """What a stage hands on; frozen, and nothing in it is optional."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class KeywordAnalysis(Artefact):
    """Stage A: what the searcher wants and what the article must cover."""

    primary_keyword: str
    intent: str
    audience: str
    searcher_goal: str
    secondary_keywords: list[str]
    entities: list[str]
    questions: list[str]
    angle: str
    avoid: list[str]


class Section(Artefact):
    """One h2 of the article."""

    id: str
    heading: str
    purpose: str
    points: list[str]
    target_words: int
    fact_ids: list[str]


class FaqEntry(Artefact):
    """A question the article answers at its end."""

    question: str
    answer_hint: str


class Outline(Artefact):
    """Stage B: the plan of the article."""

    h1: str
    summary: str
    sections: Sequence[Section]
    faq: Sequence[FaqEntry]


class Draft(Artefact):
    """Stage C: the article's body in Markdown, without its h1.

    It has one ``##`` for each planned section.
    """

    markdown: str
    words: int


class SeoMetadata(Artefact):
    """Stage D: title, description and tags for search and sharing."""

    title: str
    description: str
    slug: str
    og_title: str
    og_description: str
    focus_keyword: str
    tags: list[str]
    faq_schema: bool
