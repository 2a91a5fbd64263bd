"""Stage C: what is kept, what is corrected, what is continued."""

from typing import Any

import pytest

from src.agents.article import write
from src.agents.language_model import Completion, StopReason
from src.domain.errors import ModelRefused, OutputRejected, OutputTruncated
from src.domain.stages import Draft, Outline
from src.infrastructure.llm.testing import ScriptedModel, completion
from tests.answers import HEADINGS, KEYWORD, SENTENCES, an_article, an_outline, short_site

OUTLINE = Outline.model_validate(an_outline())
LINK = {"url": "https://shop.example/taps", "title": "Our taps"}


async def written(
    *answers: str | Completion, keyword: str = KEYWORD, outline: Outline = OUTLINE, **profile: Any
) -> Draft:
    return await write(outline, keyword, site=short_site(**profile), model=ScriptedModel(answers))


async def rejected(article: str, **options: Any) -> tuple[str, ...]:
    with pytest.raises(OutputRejected) as caught:
        await written(article, article, **options)
    return caught.value.violations


def cut(text: str) -> Completion:
    return completion(text, StopReason.TRUNCATED)


async def test_a_good_article_is_kept_as_it_is() -> None:
    draft = await written(an_article())
    assert draft.markdown == an_article()
    assert 260 <= draft.words <= 340


async def test_only_the_facts_that_are_cited_are_told() -> None:
    model = ScriptedModel([an_article()])
    await write(OUTLINE, KEYWORD, site=short_site(links=[LINK]), model=model)
    prompt = model.prompts[0]
    assert [fact["id"] for fact in prompt.data["facts"]] == ["returns"]
    assert prompt.data["links"] == [LINK]
    assert (prompt.schema, prompt.max_output_tokens, prompt.effort) == (None, 16_000, None)


@pytest.mark.parametrize(
    "wrapped",
    ["```markdown\n{}\n```", "Here is the article:\n\n{}", "# How to fix a leaky tap\n\n{}", "Sure!\n\n```\n{}\n```"],
)
async def test_fence_greeting_and_title_are_taken_off(wrapped: str) -> None:
    draft = await written(wrapped.replace("{}", an_article()))
    assert draft.markdown == an_article()


async def test_a_missing_section_is_named_and_corrected() -> None:
    lacking = an_article().replace(f"## {HEADINGS[1]}", "## Something else")
    model = ScriptedModel([lacking, an_article()])
    await write(OUTLINE, KEYWORD, site=short_site(), model=model)
    assert "section 'What you need' is missing" in (model.prompts[1].follow_up or "")
    assert "'Something else' is not in the outline" in (model.prompts[1].follow_up or "")
    assert (model.prompts[1].previous, model.prompts[1].effort) == (lacking, "low")


async def test_sections_in_another_order_are_rejected() -> None:
    swapped = an_article().replace(HEADINGS[0], "X").replace(HEADINGS[1], HEADINGS[0]).replace("X", HEADINGS[1])
    assert "order" in (await rejected(swapped))[0]


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        ((f"## {HEADINGS[1]}", f"## {HEADINGS[1]}\n\n#### Tools"), "skips a level"),
        ((f"## {HEADINGS[1]}", f"## {HEADINGS[1]}\n\n# Tools\n\n"), "is a title"),
        ((f"- {SENTENCES[4]}", "- ## In a list"), "inside a list"),
        ((SENTENCES[0], SENTENCES[0] + " Read [this](https://rival.example/)."), "link to 'https://rival.example/'"),
        ((SENTENCES[0], SENTENCES[0] + " ![tap](https://shop.example/t.png)"), "https://shop.example/t.png"),
        ((SENTENCES[0], "[Insert your own experience here]"), "a placeholder in brackets"),
        ((SENTENCES[0], "As an AI, I cannot hold a spanner."), "the writer speaking about itself"),
        ((SENTENCES[0], "Dear {{name}}, begin."), "template braces"),
        ((SENTENCES[0], "Lorem ipsum dolor."), "filler text"),
        ((SENTENCES[0], f"{'*' * 800}Deep{'*' * 800}"), "nested more than 30 deep"),
        ((SENTENCES[0], f"{'> ' * 3000}Deep"), "nested more than 30 deep"),
        ((SENTENCES[0], f"{'- ' * 3000}Deep"), "nested more than 30 deep"),
        ((SENTENCES[0], "<b>Careful</b> now."), "HTML is shown as text"),
        (("### Can I do this alone?", "### Can we?"), "exactly 1 ### headings"),
        ((SENTENCES[0], f"{SENTENCES[0]} {KEYWORD}. {KEYWORD}. {KEYWORD}."), "read naturally"),
    ],
)
async def test_a_rule_that_is_broken_is_named(change: tuple[str, str], violation: str) -> None:
    violations = await rejected(an_article().replace(*change))
    assert any(violation in line for line in violations), violations


async def test_an_empty_section_is_rejected() -> None:
    start, end = an_article().index(f"## {HEADINGS[2]}"), an_article().index(f"## {HEADINGS[3]}")
    violations = await rejected(f"{an_article()[:start]}## {HEADINGS[2]}\n\n{an_article()[end:]}")
    assert f"section '{HEADINGS[2]}' is empty" in violations


async def test_a_question_without_an_answer_is_rejected() -> None:
    unanswered = an_article().rpartition("\n\n")[0]
    assert "nothing stands under the heading 'Can I do this alone?'" in await rejected(unanswered)


async def test_an_article_that_is_too_long_is_rejected() -> None:
    assert "must have 240 to 360" in (await rejected(an_article().replace(SENTENCES[0], " ".join(SENTENCES))))[0]


async def test_an_article_in_another_language_is_rejected() -> None:
    german = (
        "Drehen Sie das Wasser ab, bevor Sie etwas zerlegen.",
        "Legen Sie ein Tuch in das Becken, und zwar gleich.",
        "Meist ist eine Dichtung mit den Jahren hart geworden.",
    )
    text = an_article()
    for english, other in zip(SENTENCES[:3], german, strict=True):
        text = text.replace(english, f"{other} Das ist nicht schwer und dauert nicht lange.")
    assert any("language 'en'" in line for line in await rejected(text))


async def test_a_link_of_the_site_is_allowed() -> None:
    linked = an_article().replace(SENTENCES[0], SENTENCES[0] + " See [our taps](https://shop.example/taps).", 1)
    assert "https://shop.example/taps" in (await written(linked, links=[LINK])).markdown


async def test_banned_terms_are_found_whatever_their_case() -> None:
    assert "banned term 'TWO Tools'" in (await rejected(an_article(), banned_terms=["TWO Tools", "wash"]))


@pytest.mark.parametrize("heading", ["Args vs **kwargs in `def`", "C++ <3 & C#", "1. What [this] is", "*Why?*"])
async def test_a_heading_may_hold_signs_of_markdown(heading: str) -> None:
    sections = [section.model_copy() for section in OUTLINE.sections]
    sections[0] = sections[0].model_copy(update={"heading": heading})
    outline = OUTLINE.model_copy(update={"sections": sections})
    await written(an_article(outline), outline=outline)


@pytest.mark.parametrize(
    "keyword", ["lorem ipsum generator", "{{ braces }} in jinja", "as an AI what can I do", "TODO: list"]
)
async def test_a_keyword_about_placeholders_can_be_written_about(keyword: str) -> None:
    await written(an_article(keyword=keyword), keyword=keyword)


class TestACutOffArticle:
    async def test_keeps_its_complete_sections(self) -> None:
        text = an_article()
        third = text.index(f"## {HEADINGS[2]}")
        model = ScriptedModel([cut(text[: third + 90]), text[third:]])
        draft = await write(OUTLINE, KEYWORD, site=short_site(), model=model)
        assert draft.markdown == text
        follow = model.prompts[1]
        assert follow.previous == text[:third].strip()
        assert f'{{"missing":["{HEADINGS[2]}","{HEADINGS[3]}","Frequently asked questions"]}}' in (
            follow.follow_up or ""
        )
        assert (follow.round, follow.effort) == (1, None)

    async def test_takes_no_section_twice(self) -> None:
        text = an_article()
        third = text.index(f"## {HEADINGS[2]}")
        draft = await written(cut(text[:third] + "## Change"), f"Of course:\n\n{text[text.index('## ') :]}")
        assert draft.markdown == text

    async def test_is_continued_twice_at_most(self) -> None:
        text = an_article()
        starts = [text.index(f"## {heading}") for heading in HEADINGS]
        pieces: list[str | Completion] = [
            cut(text[: starts[1] + 30]),
            cut(text[starts[1] : starts[2] + 30]),
            text[starts[2] :],
        ]
        assert (await written(*pieces)).markdown == text
        with pytest.raises(OutputTruncated, match="cut off 3 times"):
            await written(*pieces[:2], cut(text[starts[2] : starts[3] + 30]))

    async def test_may_be_corrected_once_when_it_is_whole(self) -> None:
        text = an_article()
        third = text.index(f"## {HEADINGS[2]}")
        bad = text[third:].replace(SENTENCES[0], "Lorem ipsum.")
        model = ScriptedModel([cut(text[: third + 90]), bad, text])
        assert (await write(OUTLINE, KEYWORD, site=short_site(), model=model)).markdown == text
        assert [prompt.round for prompt in model.prompts] == [0, 1, 2]
        assert [prompt.resumable for prompt in model.prompts] == [True, True, False]

    async def test_without_any_complete_section_is_asked_for_whole(self) -> None:
        text = an_article()
        model = ScriptedModel([cut(text[:200]), text])
        assert (await write(OUTLINE, KEYWORD, site=short_site(), model=model)).markdown == text

    async def test_may_have_broken_off_but_for_its_last_question(self) -> None:
        text = an_article()
        starts = [text.index(f"## {heading}") for heading in HEADINGS]
        pieces: list[str | Completion] = [
            cut(text[: starts[1] + 30]),
            cut(text[starts[1] : starts[2] + 30]),
            text[starts[2] :].replace("#", ""),
        ]
        model = ScriptedModel([*pieces, text])
        await write(OUTLINE, KEYWORD, site=short_site(), model=model)
        assert [prompt.resumable for prompt in model.prompts] == [True, True, False, False]
        assert "Send the complete answer again" in (model.prompts[-1].follow_up or "")

    async def test_whose_correction_is_cut_off_too_is_given_up(self) -> None:
        with pytest.raises(OutputTruncated):
            await written("nothing", cut(an_article()))


async def test_a_refusal_is_final() -> None:
    with pytest.raises(ModelRefused):
        await written(completion("no", StopReason.REFUSED))


async def test_japanese_is_counted_in_characters() -> None:
    sentence = "水を止めてから作業を始めましょう。古い部品を持って店に行くと安心です。"
    sections = [
        section.model_copy(update={"heading": f"蛇口の水漏れ {n}"}) for n, section in enumerate(OUTLINE.sections)
    ]
    outline = OUTLINE.model_copy(update={"sections": sections, "faq": [], "h1": "蛇口の水漏れ"})
    text = "蛇口の水漏れの直し方です。\n\n" + "\n\n".join(f"## {s.heading}\n\n{sentence * 4}" for s in sections)
    site = short_site().model_copy(update={"language": "ja"})
    draft = await write(outline, "蛇口の水漏れ", site=site, model=ScriptedModel([text]))
    assert 240 <= draft.words <= 330
