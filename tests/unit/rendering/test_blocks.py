"""Fragments as blocks: nothing of them is lost."""

import pytest

from src.rendering import blocks
from src.rendering.sanitiser import sanitised, well_formed

LIST = "<ul>\n<li>a</li>\n<li>b <em>c</em></li>\n</ul>"


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("", []),
        ("<p>a</p>\n<p>b</p>", ["<p>a</p>", "<p>b</p>"]),
        (f"<p>a</p>{LIST}\n\n<p>b</p>", ["<p>a</p>", LIST, "<p>b</p>"]),
        ("a <strong>b</strong><br>c<p>d</p> e", ["a <strong>b</strong><br>c", "<p>d</p>", "e"]),
        ("<blockquote><p>a</p><p>b</p></blockquote>", ["<blockquote><p>a</p><p>b</p></blockquote>"]),
        ("<pre><code>x\n\n  y &lt;p&gt;\n</code></pre>", ["<pre><code>x\n\n  y &lt;p&gt;\n</code></pre>"]),
        ("<div>a</div><div>b<p>c</p></div>", ["a", "b", "<p>c</p>"]),
    ],
)
def test_blocks_are_what_stands_outermost(html: str, found: list[str]) -> None:
    assert blocks.split(html) == found
    assert "".join(blocks.tokens(html)) == html


def test_what_is_too_deep_loses_its_tags_and_not_its_text() -> None:
    html = "<ul><li>a<br><strong>b <em>c</em></strong></li></ul><p>d <em>e</em></p>"
    assert blocks.depth(html) == 4
    assert blocks.depth("") == 0
    assert blocks.flattened(html, 4) == html
    assert blocks.flattened(html, 2) == "<ul><li>a<br>b c</li></ul><p>d <em>e</em></p>"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("plain", "<p>plain</p>"),
        ("<h1>a</h1><h2>b</h2><h3>c</h3><h6>d</h6>", "<h3>a</h3>\n<h3>b</h3>\n<h3>c</h3>\n<h4>d</h4>"),
        ("<div>a</div><div><br></div><div>b</div>", "<p>a</p>\n<p>b</p>"),
        ("<ul><li><div>a</div></li></ul>", "<ul><li> a </li></ul>"),
        ("<p></p><p>&nbsp;</p><p>a</p>", "<p>a</p>"),
    ],
)
def test_what_an_editor_sends_gets_the_blocks_of_a_section(sent: str, kept: str) -> None:
    regular = blocks.regular(well_formed(sent))
    assert regular == kept
    assert sanitised(regular) == kept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<p>a b</p>\n<p>c</p>", " <p> a\n b </p><p>c</p>"),
        ("<ul>\n<li>a</li>\n</ul>", "<ul><li>a</li></ul>"),
        ("<p>a <em>b</em> c</p>", "<p>a <em>b</em>\nc</p>"),
    ],
)
def test_space_that_nobody_sees_makes_no_difference(one: str, other: str) -> None:
    assert blocks.same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<p>a b</p>", "<p>ab</p>"),
        ("<p>a <em>b</em></p>", "<p>a<em>b</em></p>"),
        ("<pre>a  b</pre>", "<pre>a b</pre>"),
        ("<p>a</p>", "<h3>a</h3>"),
        ('<p><a href="https://a.example">a</a></p>', '<p><a href="https://b.example">a</a></p>'),
        ("<p>a</p>", "<p>a\u00a0</p>"),
    ],
)
def test_what_a_reader_sees_does(one: str, other: str) -> None:
    assert not blocks.same(one, other)


def test_deep_nesting_is_read() -> None:
    deep = "<div>" * 20_000 + "a" + "</div>" * 20_000
    assert blocks.split(deep) == ["a"]
