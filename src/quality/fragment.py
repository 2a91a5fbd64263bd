"""A sanitised HTML fragment, read once.

Its blocks, headings, links and answers, as a reader sees them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import pairwise

from .wording import count_words

_BLOCKS = {"p", "h3", "h4", "ul", "ol", "li", "blockquote", "pre", "table", "thead", "tbody", "tr", "th", "td"}
_HEADINGS = {"h3": 3, "h4": 4}
_CODE = {"code", "pre"}


@dataclass(frozen=True)
class Block:
    """A paragraph, an item, a cell, or a heading.

    ``level`` is that of a heading, 0 for others.
    """

    level: int
    text: str


class Fragment:
    """A fragment with its structure."""

    def __init__(self, html: str) -> None:
        reader = _Reader()
        reader.feed(html)
        reader.close()
        reader.end_block()
        self.blocks: Sequence[Block] = reader.blocks
        self.links: Sequence[str] = reader.links  # every address that is linked
        self.texts_with_angles: Sequence[str] = reader.texts_with_angles  # outside code, with a visible «<»

    @property
    def text(self) -> str:
        """Return the visible text, blocks parted by a space."""
        return " ".join(block.text for block in self.blocks if block.text)

    @property
    def words(self) -> int:
        """Return the number of words."""
        return count_words(self.text)

    @property
    def headings(self) -> list[Block]:
        """Return the headings in order."""
        return [block for block in self.blocks if block.level]

    @property
    def empty_headings(self) -> list[str]:
        """Return headings with nothing below them."""
        found = [*self.blocks, Block(1, "")]
        return [block.text for block, below in pairwise(found) if block.level and 0 < below.level <= block.level]

    @property
    def answers(self) -> list[tuple[str, str]]:
        """Return each h3 with the text below it."""
        found: list[tuple[str, str]] = []
        for block in self.blocks:
            if block.level == 3:
                found.append((block.text, ""))
            elif found:
                question, answer = found[-1]
                found[-1] = question, f"{answer} {block.text}".strip()
        return found


class _Reader(HTMLParser):
    """Collects blocks; the fragment was serialised by nh3, so tags are balanced."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.links: list[str] = []
        self.texts_with_angles: list[str] = []
        self._level = 0
        self._code = 0
        self._parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block, or note a link."""
        if tag in _BLOCKS:
            self.end_block()
            self._level = _HEADINGS.get(tag, 0)
        self._code += tag in _CODE
        if tag == "br":
            self._parts.append(" ")
        elif tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]

    def handle_endtag(self, tag: str) -> None:
        """End a block."""
        if tag in _BLOCKS:
            self.end_block()
        self._code -= tag in _CODE

    def handle_data(self, data: str) -> None:
        """Add text to the block."""
        self._parts.append(data)
        if "<" in data and not self._code:
            self.texts_with_angles.append(data)

    def end_block(self) -> None:
        """Keep what was collected, if it is anything."""
        text = " ".join("".join(self._parts).split())
        if text or self._level:
            self.blocks.append(Block(self._level, text))
        self._level, self._parts = 0, []
