"""Stage B: a plan that cannot be carried out is not accepted."""

from typing import Any

import pytest

from src.agents.outline import plan
from src.domain.errors import OutputRejected
from src.domain.stages import KeywordAnalysis, Outline
from src.infrastructure.llm.testing import ScriptedModel
from src.quality.plan import planned_headings, planned_words
from tests.answers import KEYWORD, an_analysis, an_outline, as_json, short_site

ANALYSIS = KeywordAnalysis.model_validate(an_analysis())


async def planned(answer: dict[str, Any], *, keyword: str = KEYWORD, **profile: Any) -> Outline:
    analysis = ANALYSIS.model_copy(update={"primary_keyword": keyword})
    return await plan(analysis, site=short_site(**profile), model=ScriptedModel([as_json(answer)] * 2))


def with_sections(**changes: Any) -> dict[str, Any]:
    outline = an_outline()
    return outline | {"sections": [section | changes for section in outline["sections"]]}


async def test_the_planner_gets_the_analysis_and_the_facts() -> None:
    model = ScriptedModel([as_json(an_outline())])
    await plan(ANALYSIS, site=short_site(), model=model)
    data = model.prompts[0].data
    assert data["keyword"] == KEYWORD
    assert data["analysis"]["questions"] == ANALYSIS.questions
    assert [fact["id"] for fact in data["facts"]] == ["returns", "advice"]
    assert model.prompts[0].effort is None


async def test_answers_count_towards_the_length() -> None:
    outline = await planned(an_outline())
    assert planned_words(outline) == 4 * 65 + 40


async def test_a_sum_that_is_somewhat_off_is_scaled() -> None:
    outline = await planned(with_sections(target_words=90))
    assert abs(planned_words(outline) - 300) < 10


async def test_a_sum_that_is_far_off_is_rejected() -> None:
    with pytest.raises(OutputRejected, match="target_words add up to 1200, they must add up to 260"):
        await planned(with_sections(target_words=300))


async def test_a_fact_nobody_gave_is_rejected() -> None:
    with pytest.raises(OutputRejected, match="'warranty'"):
        await planned(with_sections(fact_ids=["warranty", "warranty"]))


async def test_a_heading_that_stands_twice_is_rejected() -> None:
    with pytest.raises(OutputRejected, match="stands 4 times"):
        await planned(with_sections(heading="What you need"))


async def test_a_section_cannot_take_the_heading_of_the_questions() -> None:
    outline = an_outline()
    outline["sections"][3]["heading"] = "Frequently Asked Questions"
    with pytest.raises(OutputRejected, match="stands 2 times"):
        await planned(outline)


async def test_ids_are_made_fit_and_unique() -> None:
    outline = await planned(with_sections(id="What? – You Need!"))
    assert [section.id for section in outline.sections] == [
        "what-you-need", "what-you-need-2", "what-you-need-3", "what-you-need-4",
    ]  # fmt: skip


async def test_a_plan_about_something_else_is_rejected() -> None:
    with pytest.raises(OutputRejected, match="keyword 'tax return for students'"):
        await planned(an_outline(), keyword="tax return for students")


@pytest.mark.parametrize(
    ("keyword", "h1"),
    [
        ("leaky taps fixing how", "How to fix a leaky tap"),
        ("Wasserhähne reparieren", "Wasserhahn und Wasserhähne: Reparieren leicht gemacht"),
        ("蛇口の水漏れを自分で直す方法", "蛇口の水漏れを自分で直す"),
        ("كيفية إصلاح الصنبور", "إصلاح الصنبور في المنزل"),
        ("👨‍👩‍👧 family emoji", "What the family emoji means"),
        ("🚰", "🚰 at home"),
        ("word " * 23 + "tap", "A tap is a word"),
    ],
)
async def test_a_keyword_may_be_inflected_or_shortened(keyword: str, h1: str) -> None:
    assert (await planned(an_outline(h1=h1), keyword=keyword)).h1 == h1


async def test_banned_terms_are_named() -> None:
    with pytest.raises(OutputRejected, match="banned term 'two tools'"):
        await planned(an_outline(), banned_terms=["two tools"])


async def test_a_keyword_may_hold_a_banned_term() -> None:
    await planned(an_outline(h1="Leaky tap"), banned_terms=["leaky"])


async def test_the_questions_have_their_heading_in_the_sites_language() -> None:
    outline = Outline.model_validate(an_outline())
    assert planned_headings(outline, "de-AT")[-1] == "Häufige Fragen"
    assert planned_headings(outline, "xh")[-1] == "Frequently asked questions"
    assert len(planned_headings(outline.model_copy(update={"faq": []}), "de")) == 4
