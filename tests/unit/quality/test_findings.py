"""What the rules find in a finished text, where, and how much it weighs."""

from typing import Any

import pytest

from src.domain.content import Content
from src.domain.finding import Finding, Severity
from src.domain.site import Site
from src.quality.findings import RULES, check
from src.rendering.content import content_of
from tests.answers import KEYWORD, SENTENCES, artefacts, short_site

LINKS = [{"url": "https://shop.example/taps", "title": "taps"}]
FRENCH = (
    "<p>" + "Le robinet fuit dans la cuisine et il faut changer le joint pour que cela ne coule plus. " * 3 + "</p>"
)


def site() -> Site:
    return short_site(links=LINKS, banned_terms=["cheap"])


def a_content(**changes: Any) -> Content:
    return content_of(site(), *artefacts()[1:], offline=False).model_copy(update=changes)


def with_section(html: str, *, heading: str | None = None) -> Content:
    content = a_content()
    first, *others = content.sections
    changed = first.model_copy(update={"html": html, "heading": first.heading if heading is None else heading})
    return a_content(sections=(changed, *others))


def found(content: Content) -> list[Finding]:
    return check(content, site())


BODY = f"<p>{' '.join(SENTENCES)}</p>"
CASES = {
    "head.missing": (a_content(description=" "), None, None),
    "head.title_length": (a_content(title="Fix a leaky tap"), None, (15, 30)),
    "head.description_length": (a_content(description="Fix it. " * 30), None, (240, 160)),
    "head.title_without_keyword": (a_content(title="Everything that a home owner needs"), None, None),
    "head.description_repeats_title": (
        a_content(title="How to fix a leaky tap " * 2, description="how to fix a leaky tap " * 2),
        None,
        None,
    ),
    "structure.empty_section": (with_section("<p></p>"), "part-1", None),
    "structure.empty_heading": (with_section(f"{BODY}<h3>Then</h3>"), "part-1", None),
    "structure.heading_without_text": (with_section(BODY, heading=""), "part-1", None),
    "structure.skipped_level": (with_section(f"<h4>Deep</h4>{BODY}"), "part-1", (4, 3)),
    "structure.same_heading": (with_section(BODY, heading="what you NEED?"), "part-2", None),
    "structure.no_questions": (a_content(sections=a_content().sections[:-1]), None, None),
    "text.leftover": (with_section(f"{BODY}<p>[insert price]</p>"), "part-1", None),
    "text.banned_term": (with_section(BODY, heading="Cheap washers"), "part-1", None),
    "text.visible_tag": (with_section(f"{BODY}<p>&lt;b&gt;bold&lt;/b&gt;</p>"), "part-1", None),
    "text.language": (a_content(introduction=FRENCH, sections=()), None, None),
    "keyword.absent": (a_content(keyword="zymurgy vats"), None, None),
    "keyword.dense": (with_section(f"<p>{f'{KEYWORD}, ' * 30}</p>"), None, (31, 10)),
    "length.short": (a_content(sections=a_content().sections[-1:]), None, None),
    "length.long": (with_section(BODY * 5), None, None),
    "links.elsewhere": (with_section(f'{BODY}<p><a href="https://other.example/">x</a></p>'), "part-1", None),
}


def test_a_good_text_gives_no_findings() -> None:
    linked = f'{BODY}<p><a href="https://shop.example/taps/" rel="noopener">taps</a> <code>&lt;b&gt;</code></p>'
    assert found(with_section(linked)) == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_rule_is_found_at_its_place(rule: str) -> None:
    content, block, measured = CASES[rule]
    (finding, *_) = [each for each in found(content) if each.rule == rule]
    assert finding.block == block
    if measured:
        assert (finding.value, finding.limit) == measured


def test_each_rule_has_a_case_and_an_id_of_its_own() -> None:
    assert sorted(rule.id for rule in RULES) == sorted(CASES)


def test_the_worst_comes_first() -> None:
    severities = [each.severity for each in found(a_content(title="cheap", introduction="<h4></h4>[TODO]"))]
    assert severities == sorted(severities, key=list(Severity).index)
    assert {Severity.BLOCKING, Severity.WARNING} <= set(severities)


def test_text_of_the_offline_writer_may_be_in_another_language() -> None:
    assert "text.language" not in {
        each.rule for each in found(a_content(introduction=FRENCH, sections=(), offline=True))
    }


def test_words_of_the_keyword_do_not_count_against_it() -> None:
    content = a_content(
        keyword="what does <b> mean in cheap html", introduction="<p>What does &lt;b&gt; mean in cheap html</p>"
    )
    assert not {"text.visible_tag", "text.banned_term"} & {each.rule for each in found(content)}
