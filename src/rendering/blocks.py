"""A sanitised fragment as its blocks: paragraphs, lists, tables.

They are what a comparison shows and takes over one by one.
"""

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from itertools import accumulate

from .sanitiser import TAG

_TOKEN = re.compile(f"{TAG.pattern}|[^<]+")  # nh3 escapes each other «<», so that this reads all of it
_NAME = re.compile(r"</?([a-z0-9]+)")
_BLOCKS = {"p", "h3", "h4", "ul", "ol", "li", "blockquote", "pre", "table", "thead", "tbody", "tr", "th", "td"}
LEVELS = {"h1": "h3", "h2": "h3", "h5": "h4", "h6": "h4"}  # what they become in a section, whose own heading is the h2
_UNKNOWN = {*LEVELS, "div"}  # editors use them, sanitised fragments do not
_HEADING = re.compile(r"(?<=<)(/?)(h[1256])(?=[ >])")
_EMPTY = re.compile(r"<p>(?:\s|<br>|&nbsp;)*</p>")
_FILLED = re.compile(r"<(td|th|li)((?: [^>]*)?)>\s*<br>\s*</\1>")  # editors put a break where the cursor has to stand
_SPACE = re.compile(r"[ \t\n\r\f]+")


def tokens(html: str) -> list[str]:
    """Return tags and the texts between them; joined they are ``html``."""
    return _TOKEN.findall(html)


def tag_name(token: str) -> str | None:
    """Return the element's name, None for a text."""
    named = _NAME.match(token)
    return named[1] if named else None


def is_block_tag(token: str) -> bool:
    """Return whether the token begins or ends a block."""
    return tag_name(token) in _BLOCKS | _UNKNOWN


def split(html: str) -> list[str]:
    """Return the outermost blocks, without the space between them.

    Text that stands in none is one of its own.
    """
    return [piece for piece in map(str.strip, _pieces(html)) if piece]


def joined(blocks: list[str]) -> str:
    """Return the fragment that has these blocks."""
    return "\n".join(blocks)


def regular(html: str) -> str:
    """Return an editor's well-formed fragment with the blocks of a section.

    Headings get the levels of a section, a ``div`` becomes what it holds, and text in no block a paragraph.
    """
    found = split(_FILLED.sub(r"<\1\2></\1>", _HEADING.sub(_lowered, html)))
    regular = [block if is_block_tag(block) else f"<p>{block}</p>" for block in found]
    return joined([block for block in regular if not _EMPTY.fullmatch(block)])


def depth(html: str) -> int:
    """Return how many elements stand within each other at most."""
    return max(accumulate(map(_step, tokens(html)), initial=0))


def flattened(html: str, deepest: int) -> str:
    """Return the fragment without the tags of elements that are deeper.

    What these hold stays.
    """
    kept, at = [], 0
    for token in tokens(html):
        step = _step(token)
        if step == 0 or max(at, at + step) <= deepest:
            kept.append(token)
        at += step
    return "".join(kept)


def same(one: str, other: str) -> bool:
    """Return whether two fragments differ in unseen space at most."""
    return one == other or _seen(one) == _seen(other)


def keep_untouched(before: str, after: str, *, sent: Callable[[str], str] = str) -> str:
    """Return the later fragment with the bytes of equal blocks.

    ``sent`` returns what an editor makes of a block that nobody touches.
    """
    kept: dict[tuple[str, ...], deque[str]] = defaultdict(deque)  # look-alikes in their order
    for block in split(before):
        for key in {tuple(_seen(sent(block))), tuple(_seen(block))}:
            kept[key].append(block)
    found = [(block, kept.get(tuple(_seen(block)))) for block in split(after)]
    return joined([same.popleft() if same else block for block, same in found])


def _step(token: str) -> int:
    """Return what a token adds to the depth."""
    if tag_name(token) in (None, "br"):
        return 0
    return -1 if token.startswith("</") else 1


def _lowered(tag: re.Match[str]) -> str:
    return tag[1] + LEVELS[tag[2]]


def _pieces(html: str) -> Iterator[str]:
    piece, depth, is_run = "", 0, False
    for token in tokens(html):
        name = tag_name(token)
        begins = depth == 0 and (is_block_tag(token) or not is_run)
        if begins:
            yield piece
            piece, is_run = "", not is_block_tag(token)
        if name == "div":  # only parts what stands beside it
            piece += " "
            continue
        piece += token
        depth += _step(token)
    yield piece


def _seen(html: str) -> list[str]:
    """Return the tokens that can be seen.

    Space beside blocks and a block's last break are none.

    Other space is one blank, but in ``pre``."""
    found, preformatted = [], 0
    given = tokens(html)
    for token, following in zip(given, [*given[1:], ""], strict=False):
        if token.startswith("<br") and following.startswith("</") and is_block_tag(following):
            continue  # the last break of a block shows nothing
        if tag_name(token) == "pre":
            preformatted += -1 if token.startswith("</") else 1
        found.append(token if preformatted or tag_name(token) else _SPACE.sub(" ", token))
    beside = [is_block_tag(token) for token in found]
    seen = []
    for at, token in enumerate(found):
        left = " " if at == 0 or beside[at - 1] else ""
        right = " " if at == len(found) - 1 or beside[at + 1] else ""
        seen.append(token.lstrip(left).rstrip(right))
    return [token for token in seen if token]
