"""What a model answers when it does well, one builder a stage; a test changes what it is about."""

import json
from typing import Any

from src.domain.site import Site
from src.domain.stages import Draft, KeywordAnalysis, Outline, SeoMetadata

from .factories import a_site

KEYWORD = "how to fix a leaky tap"
SENTENCES = (
    "Turn off the water below the sink before you take anything apart.",
    "Put a towel into the basin so that no screw is lost in the drain.",
    "Most drips come from a washer that has become hard with age.",
    "Take the old part with you, and compare it with the new one at the counter.",
    "Do not use force when a nut is stuck, because the pipe may turn with it.",
    "When you are done, open the valve slowly and look at every joint.",
)
HEADINGS = ("What makes a tap drip", "What you need", "Change the washer", "Check your work")


def short_site(**profile: Any) -> Site:
    """A site whose articles have 300 words."""
    plain = a_site().profile.model_dump(mode="json", exclude_none=True)
    return a_site(profile=plain | {"word_target": 300} | profile)


def an_analysis(**changes: Any) -> dict[str, Any]:
    return {
        "primary_keyword": KEYWORD,
        "intent": "informational",
        "audience": "people who repair things at home",
        "searcher_goal": "Stop the drip without a plumber.",
        "secondary_keywords": ["dripping tap", "tap washer", "leaking mixer tap"],
        "entities": ["washer", "spanner", "valve"],
        "questions": ["Why does my tap drip?", "Which washer fits?", "Must I turn off the water?"],
        "angle": "Only what can be done with two tools.",
        "avoid": ["How much water a drip wastes in a year."],
    } | changes


def an_outline(**changes: Any) -> dict[str, Any]:
    sections = [
        {
            "id": f"part-{number}",
            "heading": heading,
            "purpose": "The reader knows what to do.",
            "points": ["Look first.", "Then act."],
            "target_words": 65,
            "fact_ids": ["returns"] if number == 2 else [],
        }
        for number, heading in enumerate(HEADINGS, start=1)
    ]
    return {
        "h1": "How to fix a leaky tap with two tools",
        "summary": "How to find the fault and change a washer.",
        "sections": sections,
        "faq": [{"question": "Can I do this alone?", "answer_hint": "Yes, if the valve closes."}],
    } | changes


def an_article(
    outline: Outline | None = None, *, keyword: str = KEYWORD, faq: str = "Frequently asked questions"
) -> str:
    """As long as its plan, and the keyword once."""
    plan = outline or Outline.model_validate(an_outline())
    parts = [f"This guide is about {keyword}, and it needs two tools only."]
    body = f"{' '.join(SENTENCES[:3])}\n\n- {SENTENCES[4]}"
    parts += [f"## {section.heading}\n\n{body}" for section in plan.sections]
    if plan.faq:
        parts.append(f"## {faq}")
        parts += [f"### {entry.question}\n\n{SENTENCES[1]} {SENTENCES[5]}" for entry in plan.faq]
    return "\n\n".join(parts)


def a_description(**changes: Any) -> dict[str, Any]:
    return {
        "title": "How to fix a leaky tap in an hour",
        "description": "Find out why your tap drips, choose the right washer and change it with two tools.",
        "slug": "fix-leaky-tap",
        "og_title": "Fix a leaky tap yourself",
        "og_description": "Two tools, one washer, no drip.",
        "focus_keyword": KEYWORD,
        "tags": ["taps", "repairs", "plumbing"],
        "faq_schema": True,
    } | changes


def as_json(answer: dict[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False)


def artefacts() -> tuple[KeywordAnalysis, Outline, Draft, SeoMetadata]:
    markdown = an_article()
    return (
        KeywordAnalysis.model_validate(an_analysis()),
        Outline.model_validate(an_outline()),
        Draft(markdown=markdown, words=len(markdown.split())),
        SeoMetadata.model_validate(a_description()),
    )
