"""The page a reader gets: valid, safe, and its structured data says what it shows."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from justhtml import JustHTML

from src.domain.content import Approval, Content, Publication
from src.domain.site import Site
from src.domain.stages import Draft
from src.rendering import page
from src.rendering.content import content_of
from tests.answers import HEADINGS, an_article, artefacts, short_site
from tests.html_pages import MOMENT, parsed

HOSTILE = """Intro <script>alert(1)</script> <img src=x onerror=alert(1)>

## What makes a tap drip

[a](javascript:alert(1)) [b](data:text/html;base64,xx) [c](//evil.example) [d](/local) [e](http://plain.example)
[f](https://good.example "t\\" onclick=x") <https://auto.example> [g](mailto:a@b.example) ![h](https://pic.example/p.png)

## What you need

<div onclick="x()">text</div> &lt;script&gt; `<b>code</b>`

## Change the washer

| a | b |
|:--|--:|
| 1 | 2 |

## Check your work

```html
</article><script>alert(2)</script>
```

## Frequently asked questions

### Can I do this alone?

Yes </script> & "no".
"""


def a_content(
    *, site: Site | None = None, offline: bool = False, markdown: str | None = None, **outline_changes: Any
) -> Content:
    _, outline, draft, metadata = artefacts()
    draft = Draft(markdown=markdown, words=1) if markdown else draft
    outline = outline.model_copy(update=outline_changes)
    return content_of(site or short_site(), outline, draft, metadata, offline=offline)


def rendered(**changes: Any) -> str:
    return page.preview(a_content(**changes), MOMENT)


def text_of(document: JustHTML, selector: str) -> list[str]:
    return [" ".join(node.to_text().split()) for node in document.query(selector)]


def attributes(document: JustHTML, selector: str) -> list[dict[str, str | None]]:
    return [node.attrs or {} for node in document.query(selector)]


def structured_data(html: str) -> dict[str, Any]:
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert block
    return {part["@type"]: part for part in json.loads(block[1])["@graph"]}


def test_the_page_is_valid_and_has_one_h1() -> None:
    document = parsed(rendered())
    assert text_of(document, "h1") == ["How to fix a leaky tap with two tools"]
    assert text_of(document, "h2") == [*HEADINGS, "Frequently asked questions"]


def test_the_same_inputs_give_the_same_bytes() -> None:
    assert rendered() == rendered()


def test_hostile_markdown_leaves_no_active_content() -> None:
    html = rendered(markdown=HOSTILE)
    document = parsed(html)
    assert len(document.query("script")) == 1
    assert not document.query("img")
    assert not document.query("div")
    links = {attrs.get("href") for attrs in attributes(document, "article a")}
    assert links == {
        None,
        "https://good.example",
        "https://auto.example",
        "mailto:a@b.example",
        "https://pic.example/p.png",
    }
    assert not [name for attrs in attributes(document, "*") for name in attrs if name.startswith("on")]
    assert not [attrs for attrs in attributes(document, "article *") if "style" in attrs]


def test_a_hostile_title_is_text_everywhere() -> None:
    title = "<script>alert(1)</script> \" ' & </title> {{ 7*7 }} \u2028"
    html = rendered(h1=title)
    document = parsed(html)
    assert text_of(document, "h1") == [" ".join(title.split())]
    assert len(document.query("script")) == 1
    assert structured_data(html)["Article"]["headline"] == title


def test_ids_are_unique() -> None:
    _, outline, _, _ = artefacts()
    sections = [
        s.model_copy(update={"id": id_}) for s, id_ in zip(outline.sections, ("faq", "a", "a-1", "a-2"), strict=True)
    ]
    html = rendered(sections=sections, markdown=an_article().replace("- Do not", "### Deeper\n\nDo not"))
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) > 10


def test_structured_data_says_what_is_visible() -> None:
    html = rendered(site=short_site(author="Ruth <Marlow>", publisher="Marlow & Co"))
    document, data = parsed(html), structured_data(html)
    visible = " ".join(text_of(document, "body")[0].split())
    article = data["Article"]
    for text in (article["headline"], article["author"]["name"], article["publisher"]["name"]):
        assert text in visible
    assert article["datePublished"] == article["dateModified"] == "2026-03-01T08:30:00+00:00"
    for question in data["FAQPage"]["mainEntity"]:
        assert question["name"] in text_of(document, "h3")
        assert question["acceptedAnswer"]["text"] in visible
    crumbs = [item["name"] for item in data["BreadcrumbList"]["itemListElement"]]
    assert crumbs == text_of(document, "nav li")


def test_questions_are_marked_up_only_if_wanted() -> None:
    plain = a_content().model_copy(update={"faq_schema": False})
    assert "FAQPage" not in structured_data(page.preview(plain, MOMENT))


def test_the_offline_writers_page_says_so_and_is_not_indexed() -> None:
    html = rendered(offline=True)
    document = parsed(html)
    assert text_of(document, "p.offline")[0].startswith("Not written by AI")
    assert attributes(document, 'meta[name="robots"]')[0]["content"] == "noindex"
    assert "noindex" not in rendered()
    assert not parsed(rendered()).query("p.offline")


@pytest.mark.parametrize(("language", "note"), [("de-AT", "de"), ("en-GB", "en"), ("ar", "en")])
def test_the_note_declares_the_language_it_is_in(language: str, note: str) -> None:
    site = short_site().model_copy(update={"language": language})
    assert attributes(parsed(rendered(site=site, offline=True)), "p.offline")[0]["lang"] == note


@pytest.mark.parametrize(
    ("language", "direction"),
    [("en", "ltr"), ("ar", "rtl"), ("he-IL", "rtl"), ("az-Arab", "rtl"), ("ur-Latn", "ltr"), ("zh-Hant-TW", "ltr")],
)
def test_language_and_direction_are_declared(language: str, direction: str) -> None:
    site = short_site().model_copy(update={"language": language})
    assert f'<html lang="{language}" dir="{direction}">' in rendered(site=site)


def test_the_head_names_the_address_once() -> None:
    document = parsed(rendered())
    assert attributes(document, 'link[rel="canonical"]')[0]["href"] == "https://shop.example/fix-leaky-tap"
    assert attributes(document, 'meta[property="og:url"]')[0]["content"] == "https://shop.example/fix-leaky-tap"
    assert (
        attributes(document, 'meta[name="description"]')[0]["content"]
        == "Find out why your tap drips, choose the right washer and change it with two tools."
    )


def test_an_article_without_introduction_or_questions_is_fine() -> None:
    markdown = an_article()
    body = markdown[markdown.index("## ") : markdown.index("## Frequently")]
    html = rendered(faq=[], markdown=body)
    assert html.count("<section") == 4
    assert "FAQPage" not in structured_data(html)


def test_only_the_reviewer_of_an_approved_page_is_named() -> None:
    moment = Publication(published_at=MOMENT, modified_at=MOMENT, canonical="https://shop.example/fix-leaky-tap")
    html = page.render(a_content(), Approval(reviewer="Ida <Berg>", at=MOMENT), moment)
    document, data = parsed(html), structured_data(html)
    assert text_of(document, "p.byline") == ["By Nut & Bolt, 2026-03-01 · Reviewed by Ida <Berg>"]
    assert data["WebPage"]["reviewedBy"] == {"@type": "Person", "name": "Ida <Berg>"}
    assert data["WebPage"]["@id"] == data["Article"]["mainEntityOfPage"]
    assert "WebPage" not in structured_data(rendered())
    assert text_of(parsed(rendered()), "p.byline") == ["By Nut & Bolt, 2026-03-01"]


def test_dates_and_address_are_those_of_the_publication() -> None:
    later = MOMENT + timedelta(days=3)
    moved = Publication(published_at=MOMENT, modified_at=later, canonical="https://shop.example/taps")
    html = page.render(a_content(), None, moved)
    document, article = parsed(html), structured_data(html)["Article"]
    assert attributes(document, 'link[rel="canonical"]')[0]["href"] == article["mainEntityOfPage"] == moved.canonical
    assert (article["datePublished"], article["dateModified"]) == (MOMENT.isoformat(), later.isoformat())
    assert attributes(document, 'meta[property="article:modified_time"]')[0]["content"] == later.isoformat()


def test_marked_up_questions_follow_an_edit() -> None:
    content = a_content()
    *others, questions = content.sections
    edited = questions.model_copy(
        update={"html": "<h3>Who <em>else</em>?</h3>\n<p>Me<br>\nand</p><ul><li>you</li></ul>"}
    )
    html = page.preview(content.model_copy(update={"sections": (*others, edited)}), MOMENT)
    (entry,) = structured_data(html)["FAQPage"]["mainEntity"]
    assert (entry["name"], entry["acceptedAnswer"]["text"]) == ("Who else?", "Me and you")
