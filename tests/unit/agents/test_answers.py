"""The answers of models: what a stage may hand on."""

from typing import Any

import pytest
from pydantic import ValidationError

from src.agents.answers import Draft, KeywordAnalysis, Outline, SeoMetadata

ANALYSIS: dict[str, Any] = {
    "primary_keyword": "leaky tap",
    "intent": "informational",
    "audience": "home owners",
    "searcher_goal": "stop the drip",
    "secondary_keywords": ["dripping tap", "tap washer", "tap repair"],
    "entities": ["washer", "valve", "spanner"],
    "questions": ["Why does it drip?", "Which washer?", "How long?"],
    "angle": "with household tools only",
    "avoid": [],
}
SECTION: dict[str, Any] = {
    "id": "find-the-leak",
    "heading": "Find the leak",
    "purpose": "know which part to buy",
    "points": ["dry it", "wait"],
    "target_words": 200,
    "fact_ids": [],
}
OUTLINE: dict[str, Any] = {"h1": "Fix a leaky tap", "summary": "In four steps.", "sections": [SECTION] * 4, "faq": []}
METADATA: dict[str, Any] = {
    "title": "How to fix a leaky tap in half an hour",
    "description": "Four steps, two tools and one washer: find the leak, take the tap apart and stop the drip today.",
    "slug": "how-to-fix-a-leaky-tap",
    "og_title": "Fix a leaky tap",
    "og_description": "Four steps.",
    "focus_keyword": "leaky tap",
    "tags": ["taps", "repair", "plumbing"],
    "faq_schema": False,
}


@pytest.mark.parametrize(
    ("kind", "artefact"), [(KeywordAnalysis, ANALYSIS), (Outline, OUTLINE), (SeoMetadata, METADATA)]
)
def test_an_artefact_is_complete_and_nothing_but_itself(kind: type[Any], artefact: dict[str, Any]) -> None:
    made = kind.model_validate(artefact)
    assert kind.model_validate_json(made.model_dump_json()) == made
    for field in artefact:
        with pytest.raises(ValidationError, match="Field required"):
            kind.model_validate({name: value for name, value in artefact.items() if name != field})
    with pytest.raises(ValidationError, match="Extra inputs"):
        kind.model_validate({**artefact, "comment": "as an AI"})
    with pytest.raises(ValidationError, match="frozen"):
        setattr(made, next(iter(artefact)), "changed")


@pytest.mark.parametrize(
    ("kind", "artefact", "change"),
    [
        (KeywordAnalysis, ANALYSIS, {"intent": "curious"}),
        (KeywordAnalysis, ANALYSIS, {"entities": ["washer", "valve"]}),
        (KeywordAnalysis, ANALYSIS, {"angle": "   "}),
        (Outline, OUTLINE, {"sections": [SECTION] * 3}),
        (Outline, OUTLINE, {"sections": [{**SECTION, "id": "Find the leak"}] * 4}),
        (Outline, OUTLINE, {"h1": "x" * 71}),
        (SeoMetadata, METADATA, {"title": "x" * 61}),
        (SeoMetadata, METADATA, {"title": "too short"}),
        (SeoMetadata, METADATA, {"description": "x" * 161}),
        (SeoMetadata, METADATA, {"slug": "how_to"}),
        (SeoMetadata, METADATA, {"slug": "-tap"}),
    ],
)
def test_what_breaks_a_rule_of_search_results_is_no_artefact(
    kind: type[Any], artefact: dict[str, Any], change: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(artefact | change)


def test_a_draft_is_never_empty() -> None:
    assert Draft(markdown=" ## One\n\ntext \n", words=1).markdown == "## One\n\ntext"
    with pytest.raises(ValidationError):
        Draft(markdown="  \n ", words=1)
