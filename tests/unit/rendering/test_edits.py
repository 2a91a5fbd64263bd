"""A person's edit of a text: untouched parts stay to the byte, and nothing harmful comes in."""

import json
import re
from pathlib import Path

import pytest

from src.domain.content import Content
from src.domain.edit import SectionEdit, TextEdit, TextForm
from src.domain.errors import InputInvalid
from src.quality.manuscript import DEEPEST
from src.rendering import blocks
from src.rendering.edits import LONGEST_LINE, LONGEST_TEXT, agree, edited
from src.rendering.markdown import from_markdown, to_markdown
from src.rendering.sanitiser import TAG, sanitised
from tests.contents import a_content

RICH = """
A first line\\
broken, with *emphasis*, **weight**, `code_with_*signs*` and [a link](https://shop.example/a_b "Its title").

### A question?

1. one
2. two
   - inner

> Quoted, twice.
>
> And again.

| size | price |
|---|---|
| 1/2 \\| 3 | 4 |

```
keep  this <b>
```

5 * 3 = 15, a_b_c, 1\\. no list, \\# no heading, [no] link, a < b & c.
"""


def an_edit(text: str, *, form: TextForm = TextForm.HTML, section: str = "part-1") -> TextEdit:
    return TextEdit(form=form, sections={section: SectionEdit(text=text)})


def html_of(content: Content, section: str = "part-1") -> str:
    return next(each.html for each in content.sections if each.id == section)


def test_an_edit_of_nothing_changes_nothing() -> None:
    content = a_content()
    assert edited(content, TextEdit()) == content


@pytest.mark.parametrize("form", TextForm)
def test_blocks_beside_a_changed_one_are_the_same_to_the_byte(form: TextForm) -> None:
    stored = from_markdown(RICH).replace("<blockquote>", "<blockquote>\n\n  ")
    stored = stored.replace("<p>5 * 3", "<p>\n5   * 3") + "\n<p>Twice  so.</p>\n<p>Twice so.</p>"
    content = with_text(stored)
    typed = re.sub(r">\s+<", "><", stored.replace("\n5   *", "5 *"))  # as the editor of the desk sends it
    sent = typed if form is TextForm.HTML else to_markdown(stored)
    assert "first line" in sent
    after = blocks.split(html_of(edited(content, an_edit(sent.replace("first line", "changed line"), form=form))))
    assert "A changed line" in after[0]
    assert after[1:] == blocks.split(stored)[1:]


def with_text(html: str, section: str = "part-1") -> Content:
    content = a_content()
    sections = tuple(
        each.model_copy(update={"html": html}) if each.id == section else each for each in content.sections
    )
    return content.model_copy(update={"sections": sections})


@pytest.mark.parametrize("form", TextForm)
def test_untouched_text_is_the_same_to_the_byte(form: TextForm) -> None:
    content = a_content()
    shown = to_markdown if form is TextForm.MARKDOWN else str
    edit = TextEdit(
        form=form,
        h1=content.h1,
        title=content.title,
        tags=content.tags,
        introduction=shown(content.introduction),
        sections={each.id: SectionEdit(heading=each.heading, text=shown(each.html)) for each in content.sections},
    )
    assert edited(content, edit) == content


def test_what_editors_do_to_untouched_text_is_no_change() -> None:
    html = "<p>a <strong>b</strong> and <em>c</em></p>\n<ul>\n<li>d</li>\n<li>e</li>\n</ul>"
    content = edited(a_content(), an_edit(html))
    assert html_of(content) == html
    squired = "<p>a <b>b</b> and <i>c</i></p><ul><li><div>d</div></li><li><div>e</div></li></ul>"
    assert edited(content, an_edit(squired)) == content
    assert edited(content, an_edit(html.replace("\n", "\r\n"))) == content


def test_untouched_text_comes_back_from_the_desk_s_editor_as_it_was() -> None:
    """What Squire returns was recorded in Chromium, of articles of the offline writer and of texts with everything."""
    recorded = json.loads((Path(__file__).parent / "squire_untouched.json").read_text())
    assert len(recorded) > 20
    for each in recorded:
        content = a_content().model_copy(update={"introduction": each["text"]})
        assert edited(content, TextEdit(introduction=each["returned"])) == content, each["text"]


@pytest.mark.parametrize(
    ("returned", "stored"),
    [
        ("<div>a</div><div>b<br></div>", "<p>a</p>\n<p>b<br></p>"),
        ("<ul><li><div>a</div><ul><li><div>b</div></li></ul></li></ul>", "<ul><li> a <ul><li> b </li></ul></li></ul>"),
        (
            "<table><tbody><tr><td><br></td><td>x</td></tr></tbody></table>",
            "<table><tbody><tr><td></td><td>x</td></tr></tbody></table>",
        ),
        ("<p><b>a</b> <i>b</i></p><div><br></div>", "<p><strong>a</strong> <em>b</em></p>"),
    ],
)
def test_what_the_editor_writes_gets_the_tags_of_articles(returned: str, stored: str) -> None:
    assert html_of(edited(a_content(), an_edit(returned))) == stored


def test_texts_agree_in_what_an_edit_does_not_touch() -> None:
    content = a_content()
    first, *others = content.sections
    changed = content.model_copy(update={"sections": (first.model_copy(update={"html": "<p>new</p>"}), *others)})
    assert agree(an_edit("<p>x</p>", section=others[0].id), content, changed)
    assert agree(TextEdit(title="x", introduction="<p>x</p>", tags=("x",)), content, changed)
    assert not agree(an_edit("<p>x</p>", section=first.id), content, changed)
    assert not agree(TextEdit(title="x"), content, content.model_copy(update={"title": "another"}))


def test_markdown_and_html_say_the_same() -> None:
    html = from_markdown(RICH)
    assert from_markdown(to_markdown(html)) == html
    content = edited(a_content(), an_edit(RICH, form=TextForm.MARKDOWN))
    assert edited(content, an_edit(to_markdown(html_of(content)), form=TextForm.MARKDOWN)) == content
    assert '<th scope="col">size</th>' in html_of(content)


def test_headings_of_an_edit_have_the_levels_of_a_section() -> None:
    for form, text in ((TextForm.HTML, "<h1>x</h1><p>y</p>"), (TextForm.MARKDOWN, "# x\n\ny")):
        assert html_of(edited(a_content(), an_edit(text, form=form))) == "<h3>x</h3>\n<p>y</p>"


def test_single_lines_are_cleaned_and_the_rest_stays() -> None:
    content = a_content()
    edit = TextEdit(
        title="A  title\r\nX-Injected: 1\x00\u202e",
        tags=("Taps", "taps", "", "new"),
        sections={"part-2": SectionEdit(heading="New\nheading")},
    )
    changed = edited(content, edit)
    assert changed.title == "A title X-Injected: 1"
    assert changed.tags == ("Taps", "new")
    assert [each.heading for each in changed.sections][1] == "New heading"
    assert [each.html for each in changed.sections] == [each.html for each in content.sections]
    assert (changed.slug, changed.h1, changed.introduction) == (content.slug, content.h1, content.introduction)


@pytest.mark.parametrize("form", TextForm)
@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<p onclick=alert(1)>x</p>",
        '<a href="javascript:alert(1)">x</a>',
        "[x](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        '<p style="position:fixed" id="ed" class="x">x</p>',
        "<svg/onload=alert(1)>",
        "<iframe src=https://a.example></iframe>",
        "a\x00b\u202ec\ud800",
        "<h1/onclick=alert(1)>x",
        '<div/title="<script>">x',
    ],
)
def test_hostile_text_comes_out_inert(hostile: str, form: TextForm) -> None:
    html = html_of(edited(a_content(), an_edit(hostile, form=form)))
    assert html == sanitised(html)
    tags = " ".join(TAG.findall(html)).lower()
    assert not any(f"<{tag}" in tags for tag in ("script", "img", "svg", "iframe", "div", "h1"))
    assert not any(f'{name}="' in tags for name in ("onclick", "style", "id", "class"))
    assert "javascript" not in tags
    assert not any(sign in html for sign in "\x00\u202e\ud800")


@pytest.mark.parametrize(
    ("edit", "field", "reason"),
    [
        (an_edit("x" * (LONGEST_TEXT + 1)), "sections.part-1.text", "too_long"),
        (an_edit("x", section="part-9"), "sections", "unknown"),
        (TextEdit(title="x" * (LONGEST_LINE + 1)), "title", "too_long"),
        (TextEdit(tags=tuple(f"tag {n}" for n in range(21))), "tags", "too_many"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(edit: TextEdit, field: str, reason: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        edited(a_content(), edit)
    assert (refused.value.field, refused.value.reason) == (field, reason)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (TextForm.HTML, "<b>" * 400 + "x"),
        (TextForm.HTML, "<blockquote>" * DEEPEST + "<p>x"),
        (TextForm.HTML, "<ul><li>" * 5000 + "x"),
        (TextForm.MARKDOWN, "> " * 3000 + "x"),
        (TextForm.MARKDOWN, "> " * DEEPEST + "x"),
        (TextForm.MARKDOWN, "- " * 3000 + "x"),
        (TextForm.MARKDOWN, "1. > " * 3000 + "x"),
        (TextForm.MARKDOWN, "*" * 800 + "x" + "*" * 800),
    ],
)
def test_text_that_is_nested_too_deep_is_refused(form: TextForm, text: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        edited(a_content(), an_edit(text, form=form))
    assert (refused.value.field, refused.value.reason) == ("sections.part-1.text", "too_deep")
    assert f"at most {DEEPEST} deep" in refused.value.remedy


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (TextForm.HTML, "<blockquote>" * (DEEPEST - 1) + "<p>x"),
        (TextForm.MARKDOWN, "> " * (DEEPEST - 1) + "x"),
        (TextForm.MARKDOWN, "- " * (DEEPEST // 2) + "x"),
        (TextForm.HTML, "<div>" * 400 + "x"),
        (TextForm.HTML, "<p>x" * 400),
    ],
)
def test_text_as_deep_as_it_may_be_loses_nothing(form: TextForm, text: str) -> None:
    content = edited(a_content(), an_edit(text, form=form))
    assert html_of(content).count("x") == text.count("x")
    assert edited(content, an_edit(to_markdown(html_of(content)), form=TextForm.MARKDOWN)) == content


@pytest.mark.parametrize("tag", ["strong", "blockquote"])
def test_deep_text_that_is_stored_already_can_still_be_edited(tag: str) -> None:
    content = a_content()
    deep = blocks.regular(f"<{tag}>" * 5000 + "x" + f"</{tag}>" * 5000)
    first, *others = content.sections
    stored = content.model_copy(update={"sections": (first.model_copy(update={"html": deep}), *others)})
    shown = to_markdown(deep)
    assert "x" in shown
    assert edited(stored, an_edit(deep, section=first.id)) == stored
    assert edited(stored, an_edit(shown, form=TextForm.MARKDOWN, section=first.id)) == stored
    mended = edited(stored, an_edit("y", form=TextForm.MARKDOWN, section=first.id))
    assert html_of(mended, first.id) == "<p>y</p>"
