"""The page of a text with the words of its findings marked.

Marks change nothing that is published: they are put into a copy for reviewers. A link to ``#f2`` finds the second one,
and ``:target`` shows it, so that jumping needs no script.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise

from src.domain.finding import RevisionFinding, Severity

from .blocks import is_block_tag, tag_name, tokens

_CLASSES = {Severity.BLOCKING: "e", Severity.WARNING: "w", Severity.NOTE: "o"}
_CHARACTER = re.compile(r"&#?[0-9a-zA-Z]+;|.", re.DOTALL)
_SECTION = re.compile(r'<section id="([^"]*)"')
_LINK = re.compile(r' href="([^"]*)"')
_START, _END = "<article>", "</article>"
_STYLE = """<style>
mark { background: #ffe9a8; color: inherit; box-shadow: 0 2px #a06000; }
mark.e { background: #ffd9d4; box-shadow: 0 2px #a8231c; }
mark.o { background: #e2f0f3; box-shadow: 0 2px #0b5f73; }
mark:target { outline: 3px solid #0b5f73; outline-offset: 2px; scroll-margin: 35vh; }
mark[data-n]::before { content: attr(data-n); font: 700 .6875rem/1 sans-serif; background: #20241f; color: #fff;
border-radius: 4px; padding: .125rem .3rem; margin-inline-end: .3rem; vertical-align: .15em; }
</style>
"""


def mark_id(finding: RevisionFinding) -> str:
    """Return the id of the finding's mark in the page."""
    return f"f{finding.number + 1}"


def marked_page(page: str, findings: Sequence[RevisionFinding]) -> str:
    """Return a rendered page with the open findings marked.

    One whose words are not found is marked at the heading of its section, and without a section at the h1.
    """
    start, end = page.index(_START), page.rindex(_END)
    article = _Article(page[start:end])
    for finding in findings:
        if finding.waived_at is None:
            article.mark(finding)
    return f"{page[:start]}{article.html()}{page[end:]}".replace("</head>", f"{_STYLE}</head>", 1)


@dataclass
class _Part:
    """The readable characters of a section, and where each stands.

    Attributes:
        at: token, and from where to where in it; None for the space between two blocks.
        heading: the token of its heading's text.
        links: the tokens of each link's text, by its address.
    """

    characters: list[str] = field(default_factory=list)
    at: list[tuple[int, int, int] | None] = field(default_factory=list)
    heading: int | None = None
    links: dict[str, list[int]] = field(default_factory=dict)

    def add(self, character: str, at: tuple[int, int, int] | None) -> None:
        if character.isspace():
            if not self.characters or self.characters[-1] == " ":
                return
            character = " "
        for each in character:  # one reference may be two characters
            self.characters.append(each)
            self.at.append(at)

    def find(self, words: str, taken: set[tuple[int, int]]) -> list[tuple[int, int, int]] | None:
        """Return where the words stand; None: nowhere.

        Whole words come first, and places that no other finding has.
        """
        text, lowered = "".join(self.characters), "".join(map(_lowered, self.characters))
        for haystack, needle in ((text, words), (lowered, "".join(map(_lowered, words)))):
            places = [match.start() for match in re.finditer(re.escape(needle), haystack)]
            whole = [place for place in places if _is_whole(haystack, place, place + len(needle))]
            if places := whole or places:
                free = [place for place in places if (id(self), place) not in taken]
                place = (free or places)[0]
                taken.add((id(self), place))
                return [at for at in self.at[place : place + len(needle)] if at]
        return None


@dataclass(frozen=True)
class _Mark:
    finding: RevisionFinding
    stretches: dict[int, tuple[int, int]]  # of each token


class _Article:
    def __init__(self, html: str) -> None:
        self._tokens = tokens(html)
        self._parts: dict[str, _Part] = {"": _Part()}
        self._marks: list[_Mark] = []
        self._taken: set[tuple[int, int]] = set()
        self._part = self._parts[""]  # what is read at the moment, and within what
        self._link: list[int] | None = None
        self._in_heading = self._in_byline = False
        self._read()

    def mark(self, finding: RevisionFinding) -> None:
        """Mark the words, or the heading where they are not found."""
        words = " ".join((finding.span or "").split())
        for part in self._searched(finding.block):
            if words and (found := part.find(words, self._taken)):
                self._add(finding, found)
                return
            if linked := part.links.get(words):
                self._add(finding, [(token, 0, len(self._tokens[token])) for token in linked])
                return
        heading = self._parts.get(finding.block or "", self._parts[""]).heading
        if heading is not None:
            self._add(finding, [(heading, 0, len(self._tokens[heading]))])

    def html(self) -> str:
        return "".join(self._written())

    def _searched(self, block: str | None) -> list[_Part]:
        """Return where the words may stand; without a section anywhere."""
        if block is not None:
            return [self._parts[block]] if block in self._parts else []
        return list(self._parts.values())

    def _read(self) -> None:
        for number, token in enumerate(self._tokens):
            name = tag_name(token)
            if name is not None:
                self._read_tag(token, name)
            elif not self._in_byline:
                self._read_text(number, token)

    def _read_text(self, number: int, text: str) -> None:
        if self._link is not None:
            self._link.append(number)
        if self._in_heading and self._part.heading is None and text.strip():
            self._part.heading = number
        for match in _CHARACTER.finditer(text):
            self._part.add(unescape(match[0]), (number, match.start(), match.end()))

    def _read_tag(self, tag: str, name: str) -> None:
        if section := _SECTION.match(tag):
            self._part = self._parts.setdefault(section[1], _Part())
        if name == "a":
            address = _LINK.search(tag)
            self._link = self._part.links.setdefault(unescape(address[1]), []) if address else None
        if name in ("h1", "h2"):
            self._in_heading = not tag.startswith("</")
        self._in_byline = tag.startswith('<p class="byline"') or (self._in_byline and name != "p")
        if is_block_tag(tag) or name == "br":
            self._part.add(" ", None)

    def _add(self, finding: RevisionFinding, places: Sequence[tuple[int, int, int]]) -> None:
        stretches: dict[int, tuple[int, int]] = {}
        for token, start, end in places:
            known = stretches.get(token, (start, end))
            stretches[token] = min(known[0], start), max(known[1], end)
        seen = {token: each for token, each in stretches.items() if self._tokens[token][slice(*each)].strip()}
        self._marks.append(_Mark(finding, seen))

    def _written(self) -> Iterator[str]:
        by_token: dict[int, list[tuple[_Mark, int, int]]] = {}
        for mark in self._marks:
            for at, (start, end) in mark.stretches.items():
                by_token.setdefault(at, []).append((mark, start, end))
        begun: set[int] = set()
        for number, token in enumerate(self._tokens):
            yield token if number not in by_token else _cut(token, by_token[number], begun)


def _cut(text: str, marks: Sequence[tuple[_Mark, int, int]], begun: set[int]) -> str:
    """Return the text with each stretch in all marks that cover it.

    The first of each has its id.
    """
    borders = sorted({0, len(text), *(border for _, start, end in marks for border in (start, end))})
    written = []
    for start, end in pairwise(borders):
        covering = [mark.finding for mark, first, last in marks if first <= start and end <= last]
        opened = "".join(_opened(finding, is_first=_begins(finding, begun)) for finding in covering)
        written.append(f"{opened}{text[start:end]}{'</mark>' * len(covering)}")
    return "".join(written)


def _begins(finding: RevisionFinding, begun: set[int]) -> bool:
    is_first = finding.number not in begun
    begun.add(finding.number)
    return is_first


def _opened(finding: RevisionFinding, *, is_first: bool) -> str:
    named = f' id="{mark_id(finding)}" data-n="{finding.number + 1}"' if is_first else ""
    return f'<mark{named} class="{_CLASSES[finding.severity]}">'


def _is_whole(text: str, start: int, end: int) -> bool:
    """Return whether no word goes on before or after."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() and text[start].isalnum()) and not (after.isalnum() and text[end - 1].isalnum())


def _lowered(character: str) -> str:
    lowered = character.lower()
    return lowered if len(lowered) == 1 else character  # so that places stay the same
