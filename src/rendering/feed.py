"""The Atom feed of a site's pages (RFC 4287), the newest first."""

from xml.etree.ElementTree import Element, SubElement

from src.domain.publishing import Channel, Listing

from .xml import document

FEED = "feed.xml"
MOST_ENTRIES = 50  # readers keep what they have seen
_NAMESPACE = "http://www.w3.org/2005/Atom"


def feed(channel: Channel) -> bytes:
    """Return the feed.

    Entries are known by the article's id, which stays when an address changes.
    """
    newest = sorted(channel.listings, key=lambda each: (each.published_at, each.canonical), reverse=True)[:MOST_ENTRIES]
    address = f"{channel.home.rstrip('/')}/{FEED}"
    root = Element("feed", {"xmlns": _NAMESPACE, "xml:lang": channel.language})
    SubElement(root, "id").text = address
    SubElement(root, "title").text = channel.site_name
    SubElement(root, "updated").text = _moment_of(newest, channel)
    SubElement(root, "link", rel="self", type="application/atom+xml", href=address)
    SubElement(root, "link", rel="alternate", type="text/html", href=channel.home)
    for listing in newest:
        _add(root, listing)
    return document(root)


def _add(root: Element, listing: Listing) -> None:
    entry = SubElement(root, "entry")
    SubElement(entry, "id").text = f"urn:uuid:{listing.article_id}"
    SubElement(entry, "title").text = listing.title
    SubElement(entry, "link", rel="alternate", type="text/html", href=listing.canonical)
    SubElement(entry, "published").text = listing.published_at.isoformat(timespec="seconds")
    SubElement(entry, "updated").text = listing.modified_at.isoformat(timespec="seconds")
    SubElement(SubElement(entry, "author"), "name").text = listing.author
    SubElement(entry, "summary").text = listing.description


def _moment_of(newest: list[Listing], channel: Channel) -> str:
    moment = max((listing.modified_at for listing in newest), default=channel.changed_at)
    return moment.isoformat(timespec="seconds")
