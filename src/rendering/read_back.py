"""A published page, read back and compared with what was sent."""

import hashlib
from html.parser import HTMLParser


def problems_of(page: bytes | None, *, page_hash: str, canonical: str, may_be_indexed: bool) -> list[str]:
    """Return what is wrong with the page that a target has.

    ``page`` None is that it has none; ``page_hash`` is the SHA-256 of what was sent.
    """
    if page is None:
        return ["the page is not there"]
    head = _Head()
    head.feed(page.decode("utf-8", "replace"))
    head.close()
    found = []
    if hashlib.sha256(page).hexdigest() != page_hash:
        found.append("its bytes are not those that were published")
    if head.canonicals != [canonical]:
        named = ", ".join(head.canonicals) or "none"
        found.append(f"its canonical address is {named}, not {canonical}")
    if head.is_indexed != may_be_indexed:
        found.append("it keeps search engines away" if may_be_indexed else "it lets search engines index it")
    return found


class _Head(HTMLParser):
    """Collects canonical addresses and what robots are told."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.canonicals: list[str] = []
        self.is_indexed = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a canonical link and the robots' meta element."""
        values = dict(attrs)
        if tag == "link" and values.get("rel") == "canonical":
            self.canonicals.append(values.get("href") or "")
        if tag == "meta" and (values.get("name") or "").lower() in ("robots", "googlebot"):
            told = {word.strip() for word in (values.get("content") or "").lower().split(",")}
            self.is_indexed = self.is_indexed and not told & {"noindex", "none"}
