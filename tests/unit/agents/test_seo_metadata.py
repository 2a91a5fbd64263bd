"""Stage D: lengths, spelling and promises of what search results show."""

from typing import Any

import pytest

from src.agents.seo_metadata import describe, slug_of
from src.domain.errors import OutputRejected
from src.domain.stages import Outline, SeoMetadata
from src.infrastructure.llm.testing import ScriptedModel
from tests.answers import KEYWORD, a_description, an_outline, as_json, short_site

OUTLINE = Outline.model_validate(an_outline())


async def described(*, keyword: str = KEYWORD, outline: Outline = OUTLINE, **changes: Any) -> SeoMetadata:
    answer = as_json(a_description(**changes))
    return await describe(keyword, outline, "It drips.", site=short_site(), model=ScriptedModel([answer] * 2))


async def test_the_describer_reads_the_beginning_only() -> None:
    model = ScriptedModel([as_json(a_description())])
    await describe(KEYWORD, OUTLINE, "word " * 2000, site=short_site(), model=model)
    data = model.prompts[0].data
    assert len(data["opening"]) <= 1500
    assert data["headings"] == [section.heading for section in OUTLINE.sections]
    assert "sections" not in data


async def test_texts_that_run_on_are_cut_between_words() -> None:
    metadata = await described(
        title="How to fix a leaky tap in your kitchen, bathroom or garden today", og_title="tap " * 40
    )
    assert metadata.title == "How to fix a leaky tap in your kitchen, bathroom or garden"
    assert len(metadata.og_title) <= 90


async def test_a_title_that_is_too_short_is_rejected() -> None:
    with pytest.raises(OutputRejected, match="title: String should have at least 30"):
        await described(title="Leaky tap")


async def test_a_title_without_the_keyword_is_rejected() -> None:
    with pytest.raises(OutputRejected, match="title does not contain"):
        await described(title="Everything that plumbers never told you")


async def test_questions_are_marked_up_only_where_there_are_any() -> None:
    assert (await described()).faq_schema
    assert not (await described(outline=OUTLINE.model_copy(update={"faq": []}))).faq_schema


async def test_doubled_tags_are_dropped() -> None:
    assert (await described(tags=["Taps", "taps ", "repairs", "plumbing"])).tags == ["Taps", "repairs", "plumbing"]


@pytest.mark.parametrize(
    ("wish", "keyword", "slug"),
    [
        ("Fix a Leaky Tap!", KEYWORD, "fix-a-leaky-tap"),
        ("", "Küche & Bad", "kuche-bad"),
        ("", "東京 ラーメン", "dong-jing-ramen"),
        ("../../etc/passwd", KEYWORD, "etc-passwd"),
        ("", "🚰", "article-"),
        ("", "C++", "c-"),
        ("word " * 40, KEYWORD, "word-"),
    ],
)
def test_a_slug_is_short_ascii(wish: str, keyword: str, slug: str) -> None:
    made = slug_of(wish, keyword)
    assert made.startswith(slug)
    assert 3 <= len(made) <= 75


def test_slugs_without_letters_differ() -> None:
    assert slug_of("", "C++") != slug_of("", "C#")
