"""Answers of models: the artefacts of the stages with their limits.

Limits follow search results (Google cuts titles near 60 and descriptions near 160 characters); models may ignore them,
so every answer is validated in full. The schemas are sent to models, and a changed one makes a new question of every
paid one: that is why the types have the names and descriptions of those in ``src/domain/stages.py``.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from src.domain import stages

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
SectionId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]


class Intent(StrEnum):
    """What a searcher is after."""

    INFORMATIONAL = "informational"
    COMMERCIAL = "commercial"
    TRANSACTIONAL = "transactional"
    NAVIGATIONAL = "navigational"


class KeywordAnalysis(stages.KeywordAnalysis, extra="forbid"):
    """Stage A: what the searcher wants and what the article must cover."""

    primary_keyword: Short = Field(description="The keyword exactly as given.")
    intent: Intent
    audience: Sentence
    searcher_goal: Sentence
    secondary_keywords: list[Short] = Field(min_length=3, max_length=8)
    entities: list[Short] = Field(min_length=3, max_length=10)
    questions: list[Sentence] = Field(min_length=3, max_length=6)
    angle: Sentence = Field(description="What this article offers that others do not.")
    avoid: list[Sentence] = Field(max_length=8, description="Claims that would need evidence we do not have.")


class Section(stages.Section, extra="forbid"):
    """One h2 of the article."""

    id: SectionId = Field(description="Lowercase words joined by hyphens.")
    heading: Short
    purpose: Sentence
    points: list[Sentence] = Field(min_length=2, max_length=5)
    target_words: int = Field(ge=40, le=1500)
    fact_ids: list[str] = Field(max_length=10, description="Ids of the site facts this section states.")


class FaqEntry(stages.FaqEntry, extra="forbid"):
    """A question the article answers at its end."""

    question: Sentence
    answer_hint: Sentence


class Outline(stages.Outline, extra="forbid"):
    """Stage B: the plan of the article."""

    h1: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=70)]
    summary: Sentence
    sections: list[Section] = Field(min_length=4, max_length=8)
    faq: list[FaqEntry] = Field(max_length=5)


class Draft(stages.Draft, extra="forbid"):
    """Stage C: the article's body in Markdown, without its h1.

    It has one ``##`` for each planned section.
    """

    markdown: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60_000)]
    words: int = Field(ge=1)


class SeoMetadata(stages.SeoMetadata):
    """Stage D: title, description and tags for search and sharing."""

    # Sent to models with the schema; a changed sentence would make a new question of every paid one.
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "description": "Stage D: how the article presents itself in search results and when shared."
        },
    )

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=30, max_length=60)]
    description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=70, max_length=160)]
    slug: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=3, max_length=75)]
    og_title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=90)]
    og_description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    focus_keyword: Short
    tags: list[Short] = Field(min_length=3, max_length=6)
    faq_schema: bool = Field(description="Whether the visible questions are marked up as structured data.")
