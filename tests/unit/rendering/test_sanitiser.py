"""What passes into an article, from a model's Markdown or a person's editor."""

import pytest

from src.rendering.content import content_of
from src.rendering.sanitiser import sanitised
from tests.answers import an_article, artefacts, short_site

HOSTILE = (
    '<p onclick="x()" style="color:red" id="ed">a<script>alert(1)</script></p>',
    '<a href="javascript:alert(1)">b</a><a href="//evil.example">c</a><a href="https://x.example" title="<h3>">d</a>',
    "<h1>e</h1><h2>f</h2><svg onload=x()></svg><iframe src=https://x.example></iframe>",
    "<p>\u0338overlay</p><p>&#x202e;reversed&#x200b;</p><b>g</b><ul><li><div>h</div></li></ul>",
    "<table><tr><th scope=col>i<td>j</table><!-- k --><math><mtext></p><style><img src=x onerror=alert(1)></style>",
)


@pytest.mark.parametrize("fragment", HOSTILE)
def test_nothing_but_listed_elements_passes(fragment: str) -> None:
    html = sanitised(fragment)
    for forbidden in (
        "<script",
        "onclick",
        "onerror=",
        "style=",
        " id=",
        "javascript:",
        "//evil",
        "<h1",
        "<h2",
        "<svg",
    ):
        assert forbidden not in html
    assert not set("\u202e\u200b\u2260\u226f") & set(html)
    assert sanitised(html) == html


def test_what_editors_write_becomes_what_articles_hold() -> None:
    assert sanitised("<p><b>must</b> <i>may</i></p><ul><li><div>one</div></li></ul>") == (
        "<p><strong>must</strong> <em>may</em></p><ul><li>one</li></ul>"
    )


def test_untouched_sections_come_back_as_they_were() -> None:
    _, outline, _, metadata = artefacts()
    table = "### Deeper\n\n| a | b |\n|:--|--:|\n| `1` | **2** |\n\n3. three\n\n> quote\n\n```\n<b>\n```\n\n- Do not"
    draft = artefacts()[2].model_copy(update={"markdown": an_article().replace("- Do not", table)})
    content = content_of(short_site(), outline, draft, metadata, offline=False)
    assert "<table>" in content.sections[0].html
    for html in (content.introduction, *(section.html for section in content.sections)):
        assert sanitised(html) == html
