"""What search engines and readers are told of published pages: true dates, and text that stays text."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from xml.etree import ElementTree

import pytest

from src.domain.ids import ArticleId
from src.domain.publishing import Channel, Listing
from src.rendering.feed import feed
from src.rendering.sitemap import sitemap

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
SITEMAP, ATOM = "{http://www.sitemaps.org/schemas/sitemap/0.9}", "{http://www.w3.org/2005/Atom}"


def a_listing(number: int = 0, **changes: object) -> Listing:
    described = {
        "article_id": ArticleId(UUID(int=number)),
        "canonical": f"https://shop.example/page-{number}",
        "title": f"Page {number}",
        "description": "About taps.",
        "author": "Nut & Bolt",
        "published_at": NOON + timedelta(hours=number),
        "modified_at": NOON + timedelta(days=1, hours=number),
    }
    return Listing.model_validate(described | changes)


def a_channel(*listings: Listing) -> Channel:
    return Channel(
        site_name="Nut & Bolt", home="https://shop.example/", language="en", listings=listings, changed_at=NOON
    )


def read(document: bytes) -> ElementTree.Element:
    assert document.startswith(b'<?xml version="1.0" encoding="utf-8"?>\n')
    return ElementTree.fromstring(document)  # noqa: S314 - ours


def test_a_sitemap_names_each_address_with_its_last_change() -> None:
    files = sitemap(a_channel(a_listing(2), a_listing(1)))
    root = read(files.pop("sitemap.xml"))
    assert files == {}
    assert [[field.text for field in url] for url in root] == [
        ["https://shop.example/page-1", "2026-12-01T13:00:00+00:00"],
        ["https://shop.example/page-2", "2026-12-01T14:00:00+00:00"],
    ]
    assert root.tag == f"{SITEMAP}urlset"


def test_a_sitemap_that_is_too_long_has_parts_and_an_index() -> None:
    files = sitemap(a_channel(*(a_listing(number) for number in range(5))), most=2)
    assert sorted(files) == ["sitemap-1.xml", "sitemap-2.xml", "sitemap-3.xml", "sitemap.xml"]
    index = read(files["sitemap.xml"])
    assert [[field.text for field in part] for part in index] == [
        ["https://shop.example/sitemap-1.xml", "2026-12-01T13:00:00+00:00"],
        ["https://shop.example/sitemap-2.xml", "2026-12-01T15:00:00+00:00"],
        ["https://shop.example/sitemap-3.xml", "2026-12-01T16:00:00+00:00"],
    ]
    listed = [url[0].text for name in sorted(files)[:3] for url in read(files[name])]
    assert listed == [f"https://shop.example/page-{number}" for number in range(5)]


def test_a_feed_has_the_newest_first_and_all_that_the_standard_wants() -> None:
    root = read(feed(a_channel(a_listing(1), a_listing(2))))
    assert root.tag == f"{ATOM}feed"
    assert [root.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated")] == [
        "https://shop.example/feed.xml",
        "Nut & Bolt",
        "2026-12-01T14:00:00+00:00",
    ]
    first, second = root.iter(f"{ATOM}entry")
    assert first.findtext(f"{ATOM}id") == "urn:uuid:00000000-0000-0000-0000-000000000002"
    assert first.findtext(f"{ATOM}published") == "2026-11-30T14:00:00+00:00"
    assert first.findtext(f"{ATOM}updated") == "2026-12-01T14:00:00+00:00"
    assert first.findtext(f"{ATOM}author/{ATOM}name") == "Nut & Bolt"
    assert second.findtext(f"{ATOM}title") == "Page 1"


def test_an_empty_site_has_a_sitemap_and_a_feed_too() -> None:
    assert len(read(sitemap(a_channel())["sitemap.xml"])) == 0
    assert read(feed(a_channel())).findtext(f"{ATOM}updated") == "2026-11-30T12:00:00+00:00"


def test_a_feed_holds_fifty_entries() -> None:
    root = read(feed(a_channel(*(a_listing(number) for number in range(60)))))
    assert [entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")][::49] == ["Page 59", "Page 10"]


@pytest.mark.parametrize(
    "hostile",
    [
        "</title><script>alert(1)</script>",
        "]]><!-- &amp; <![CDATA[",
        "a\x00b\x0bc\ufffe\ud800",
        "\u202egnirts",
        "line\r\nSet-Cookie: a=b",
        "=cmd|' /C calc'!A0",
        "x" * 1_000_000,
    ],
)
def test_hostile_text_is_text(hostile: str) -> None:
    listing = a_listing(title=hostile, description=hostile, author=hostile)
    root = read(feed(a_channel(listing)))
    assert {element.tag.removeprefix(ATOM) for element in root.iter()} == {
        *("feed", "id", "title", "updated", "link", "entry", "published", "author", "name", "summary")
    }
    shown = root.findtext(f"{ATOM}entry/{ATOM}title") or ""
    assert shown.split() == "".join(sign for sign in hostile if sign not in "\x00\x0b\ufffe\ud800").split()
