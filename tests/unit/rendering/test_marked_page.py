"""Findings are marked in the page where a reader sees their words."""

import re
from datetime import UTC, datetime

import pytest

from src.domain.content import Approval, Content, ContentSection, Publication
from src.domain.finding import RevisionFinding, Severity
from src.rendering.marked_page import marked_page
from src.rendering.page import render
from tests.contents import a_content

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def a_page(
    html: str, *, language: str = "en", heading: str = "What you need", introduction: str = "<p>Hello.</p>"
) -> str:
    section = ContentSection(id="part-1", heading=heading, html=html)
    content: Content = a_content().model_copy(
        update={"sections": (section,), "introduction": introduction, "questions": None, "language": language}
    )
    return render(
        content,
        Approval(reviewer="Ida", at=NOW),
        Publication(published_at=NOW, modified_at=NOW, canonical=content.address),
    )


def found(number: int, span: str | None, *, block: str | None = "part-1", **more: object) -> RevisionFinding:
    facts = {"rule": "text.banned", "rule_version": 1, "severity": Severity.WARNING, "message": "no"} | more
    waived = {"waived_by": None, "waived_reason": None, "waived_at": None}
    return RevisionFinding.model_validate(
        {"revision": 1, "number": number, "block": block, "span": span} | waived | facts
    )


def body(page: str) -> str:
    return page[page.index("<article>") : page.index("</article>")]


@pytest.mark.parametrize(
    ("html", "span", "expected"),
    [
        (
            "<p>Take a spanner now.</p>",
            "a spanner",
            '<p>Take <mark id="f1" data-n="1" class="w">a spanner</mark> now.</p>',
        ),
        (
            "<p>Take <strong>a big</strong> spanner.</p>",
            "Take a big spanner",
            '<p><mark id="f1" data-n="1" class="w">Take </mark><strong><mark class="w">a big</mark></strong>'
            '<mark class="w"> spanner</mark>.</p>',
        ),
        (
            "<p>Nuts &amp; bolts &lt;3</p>",
            "& bolts <3",
            '<p>Nuts <mark id="f1" data-n="1" class="w">&amp; bolts &lt;3</mark></p>',
        ),
        ("<p>Take\n  a spanner.</p>", "Take a", '<p><mark id="f1" data-n="1" class="w">Take\n  a</mark> spanner.</p>'),
        ("<p>A Spanner.</p>", "spanner", '<p>A <mark id="f1" data-n="1" class="w">Spanner</mark>.</p>'),
        ("<p>שלום עולם</p>", "עולם", '<p>שלום <mark id="f1" data-n="1" class="w">עולם</mark></p>'),
    ],
)
def test_the_words_are_marked(html: str, span: str, expected: str) -> None:
    assert expected in marked_page(a_page(html), [found(0, span)])


def test_a_span_over_two_blocks_leaves_tags_of_lists_alone() -> None:
    marked = marked_page(a_page("<ul>\n<li>one</li>\n<li>two</li>\n</ul>"), [found(0, "one two")])
    assert '<li><mark id="f1" data-n="1" class="w">one</mark></li>\n<li><mark class="w">two</mark></li>' in marked


def test_the_same_words_twice_are_two_places_and_ids_stay_unique() -> None:
    marked = marked_page(a_page("<p>very very</p>"), [found(0, "very"), found(1, "very"), found(2, "very")])
    assert re.findall(r'id="(f\d)"', marked) == ["f1", "f3", "f2"]
    assert marked.count("<mark") == marked.count("</mark>") == 3


def test_overlapping_words_are_nested() -> None:
    marked = marked_page(a_page("<p>one two three</p>"), [found(0, "one two"), found(1, "two three")])
    assert re.sub(r"</?mark[^>]*>", "", body(marked)).count("one two three") == 1
    assert marked.count("<mark") == marked.count("</mark>")


@pytest.mark.parametrize("span", [None, "", "not in it", "<b>"])
def test_without_its_words_the_heading_is_marked(span: str | None) -> None:
    marked = marked_page(a_page("<p>x</p>"), [found(0, span, severity=Severity.BLOCKING)])
    assert '<h2 id="part-1--heading"><mark id="f1" data-n="1" class="e">What you need</mark></h2>' in marked


@pytest.mark.parametrize("block", [None, "gone"])
def test_without_a_section_the_title_is_marked(block: str | None) -> None:
    marked = marked_page(a_page("<p>x</p>"), [found(0, None, block=block)])
    assert re.search(r'<h1><mark id="f1"[^>]*>', marked)


def test_words_of_no_section_are_found_anywhere_but_not_in_the_byline() -> None:
    marked = marked_page(a_page("<p>By Ida, they say.</p>"), [found(0, "Ida", block=None)])
    assert 'By <mark id="f1" data-n="1" class="w">Ida</mark>, they say.' in marked


def test_waived_findings_are_not_marked() -> None:
    page = a_page("<p>one</p>")
    assert body(
        marked_page(page, [found(0, "one", waived_at=NOW, waived_by="ida", waived_reason="it is a quote")])
    ) == body(page)


def test_a_hostile_span_stays_text() -> None:
    marked = marked_page(
        a_page("<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"), [found(0, "<script>alert(1)</script>")]
    )
    assert '">&lt;script&gt;alert(1)&lt;/script&gt;</mark>' in marked
    assert "<script>alert" not in marked


def test_all_but_marks_and_style_is_the_page() -> None:
    page = a_page("<p>one <em>two</em></p><table><tbody><tr><td>three</td></tr></tbody></table>")
    marked = marked_page(page, [found(0, "two three"), found(1, None)])
    assert re.sub(r"</?mark[^>]*>", "", body(marked)) == body(page)


def test_whole_words_come_before_parts_of_words() -> None:
    marked = marked_page(a_page("<p>There is more here.</p>"), [found(0, "here")])
    assert '<p>There is more <mark id="f1" data-n="1" class="w">here</mark>.</p>' in marked


def test_an_address_marks_the_words_that_link_to_it() -> None:
    html = '<p>See <a href="https://example.com/?a=1&amp;b=2" rel="noopener">this <em>page</em></a>.</p>'
    marked = marked_page(a_page(html), [found(0, "https://example.com/?a=1&b=2")])
    assert '<mark id="f1" data-n="1" class="w">this </mark><em><mark class="w">page</mark></em></a>.' in marked
