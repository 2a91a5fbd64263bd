"""Stage C's Markdown, read once.

Its parts by heading, their words, their links.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .wording import clean_prose, count_words

_FENCED = re.compile(r"\A(?:[^\n`]{0,200}\n+)?```(?:markdown|md)?[ ]*\n(?P<inside>.*?)(?:\n```\s*)?\Z", re.DOTALL)
_TITLED = re.compile(r"\A(?:[^\n#]{0,200}\n+)?# [^\n]*\n*")
_GREETING = re.compile(
    r"\A(?:here|sure|certainly|of course|hier|gerne|natürlich|voici|aquí|claro)\b[^\n]*:\n+", re.IGNORECASE
)

# Elements within elements. Texts have a dozen at most; converters call themselves for each, and Python ends that at
# some 300. The time that hostile brackets take the parser grows with it too.
DEEPEST = 30


@dataclass(frozen=True)
class Part:
    """A section under one ``##``, or the introduction.

    Attributes:
        heading: as plain text, None for the introduction.
        tokens: the content, without the heading.
        first_line: of the heading, counted from 0.
        end_line: one after its last line.
    """

    heading: str | None
    tokens: Sequence[Token]
    first_line: int
    end_line: int

    @cached_property
    def text(self) -> str:
        """Return the visible text under the heading."""
        return plain(self.tokens)

    @cached_property
    def empty_headings(self) -> list[str]:
        """Return deeper headings with nothing below them."""
        found = [*blocks(self.tokens), (1, "")]
        return [text for (level, text), (below, _) in pairwise(found) if level and 0 < below <= level]

    @cached_property
    def answers(self) -> list[tuple[str, str]]:
        """Return each ``###`` with the text below it."""
        found: list[tuple[str, str]] = []
        for level, text in blocks(self.tokens):
            if level == 3:
                found.append((text, ""))
            elif found:
                question, answer = found[-1]
                found[-1] = question, f"{answer} {text}".strip()
        return found


class Manuscript:
    """A Markdown text with its structure."""

    def __init__(self, markdown: str) -> None:
        self.lines = markdown.split("\n")
        self.env: dict[str, Any] = {}  # link references, needed again to render
        self.tokens = parser().parse(markdown, self.env)

    @cached_property
    def parts(self) -> list[Part]:
        """Return the introduction, then a part for every ``##``."""
        starts = [i for i, token in enumerate(self.tokens) if _opens_part(token)]
        lines = [_line(self.tokens[i]) for i in starts]
        introduction = Part(None, self.tokens[: [*starts, None][0]], 0, [*lines, len(self.lines)][0])
        spans = pairwise([*starts, len(self.tokens)])
        return [introduction] + [
            Part(_inline(self.tokens[start + 1]), self.tokens[start + 3 : end], first_line, end_line)
            for (start, end), (first_line, end_line) in zip(spans, pairwise([*lines, len(self.lines)]), strict=True)
        ]

    @cached_property
    def sections(self) -> list[Part]:
        """Return all but the introduction."""
        return self.parts[1:]

    @cached_property
    def text(self) -> str:
        """Return the visible text."""
        return plain(self.tokens)

    @cached_property
    def words(self) -> int:
        """Return the number of words."""
        return count_words(self.text)

    @cached_property
    def headings(self) -> list[tuple[int, str]]:
        """Return level and text of every heading."""
        return [(level, text) for level, text in blocks(self.tokens) if level]

    @cached_property
    def depth(self) -> int:
        """Return how many elements stand within each other at most."""
        tokens = (each for token in self.tokens if not token.hidden for each in (token, *(token.children or ())))
        steps: Iterator[int] = (token.nesting for token in tokens)
        return max(accumulate(steps, initial=0))

    @cached_property
    def links(self) -> list[str]:
        """Return every address that would become a link."""
        inline = [child for token in self.tokens for child in token.children or ()]
        return [str(child.attrs["href"]) for child in inline if child.type == "link_open"]

    @cached_property
    def texts_with_angles(self) -> list[str]:
        """Return text outside code that holds a visible ``<``."""
        inline = [child for token in self.tokens for child in token.children or ()]
        return [child.content for child in inline if child.type == "text" and "<" in child.content]

    def source(self, part: Part) -> str:
        """Return the Markdown of ``part``, heading included."""
        return "\n".join(self.lines[part.first_line : part.end_line]).strip()


def as_markdown(answer: str) -> str:
    """Return the article in ``answer``.

    A fence, greeting or title around it is removed.
    """
    text = clean_prose(answer)
    if fenced := _FENCED.match(text):
        text = fenced["inside"].strip()
    return _TITLED.sub("", _GREETING.sub("", text)).strip()


def has_complete_section(cut_off: str) -> bool:
    """Return whether a section of the cut-off answer is complete.

    The last one is not.
    """
    return len(Manuscript(as_markdown(cut_off)).sections) > 1


@cache
def parser() -> MarkdownIt:
    """Return a CommonMark parser with tables, without HTML and images.

    It drops what is nested too deep; what it keeps is then deeper than ``DEEPEST``, so that nobody misses the loss.
    """
    return MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST + 1}).enable("table").disable("image")


def plain(tokens: Sequence[Token]) -> str:
    """Return the text of ``tokens``, blocks parted by a space."""
    return " ".join(text for _, text in blocks(tokens))


def blocks(tokens: Sequence[Token]) -> Iterator[tuple[int, str]]:
    """Return each block's heading level, 0 for others, and text."""
    level = 0
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "heading_close":
            level = 0
        elif token.type == "inline":
            yield level, _inline(token)
        elif token.type in ("fence", "code_block"):
            yield 0, token.content.strip()


def _opens_part(token: Token) -> bool:
    return token.type == "heading_open" and token.tag == "h2" and token.level == 0


def _line(token: Token) -> int:
    return token.map[0] if token.map else 0


def _inline(token: Token) -> str:
    breaks = ("softbreak", "hardbreak")
    return "".join(" " if child.type in breaks else child.content for child in token.children or ()).strip()
