"""Two sanitised fragments as one, with ``ins`` and ``del`` around what differs.

Blocks that have little in common are shown one after the other, as word processors do; else words are marked.
Text that is only made bold, or linked elsewhere, counts as replaced: else nobody would see it.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from html import escape
from itertools import groupby, zip_longest
from typing import NamedTuple

from .blocks import is_block_tag, split, tag_name, tokens
from .pairs import NO_SPACES, are_alike, paired
from .sanitiser import sanitised_marks

_WORD = re.compile(f"&[a-z0-9#]+;|[{NO_SPACES}]|[^\\W{NO_SPACES}]+|\\s+|[^\\w\\s]", re.IGNORECASE)
_CELLS = ("td", "th")  # they stay in their columns
_DEEPEST = 8  # lists in lists; what is nested deeper is replaced as a whole
MOST_COMPARED = 4_000_000  # pairs of items; comparing takes their product at worst


class _Word(NamedTuple):
    text: str  # of a word, a sign, a space or a line break, escaped
    within: tuple[str, ...]  # the inline tags around it


def marked(before: str, after: str) -> str:
    """Return both fragments as one.

    Each is what is left without the other's mark."""
    return sanitised_marks("\n".join(_compared(split(before), split(after), depth=0)))


def marked_text(before: str, after: str) -> str:
    """Return two plain texts as one, escaped."""
    return _inline(escape(before), escape(after))


def comparable(before: Sequence[object], after: Sequence[object]) -> bool:
    """Return whether comparing these ends within a second."""
    return len(before) * len(after) <= MOST_COMPARED


def _compared(before: Sequence[str], after: Sequence[str], *, depth: int) -> Iterator[str]:
    if not comparable(before, after):
        yield from (*map(_deleted, before), *map(_inserted, after))
        return
    for change, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if change == "equal":
            yield from after[j:j_end]
            continue
        yield from _changed(before[i:i_end], after[j:j_end], depth)


def _changed(before: Sequence[str], after: Sequence[str], depth: int) -> Iterator[str]:
    if any(tag_name(block) in _CELLS for block in (*before, *after)):
        for old, new in zip_longest(before, after):
            if old is None or new is None:
                yield _deleted(old) if new is None else _inserted(new)
            else:
                yield _replaced(old, new, depth)
        return
    for olds, news in paired(before, after):
        if len(olds) == len(news) == 1:
            yield _replaced(olds[0], news[0], depth)
        else:
            yield from (*map(_deleted, olds), *map(_inserted, news))


def _replaced(before: str, after: str, depth: int) -> str:
    """Return one block for both if they are alike, else both."""
    (start, old, end), (other_start, new, _) = _opened(before), _opened(after)
    if start != other_start or depth >= _DEEPEST or _holds_blocks(old) != _holds_blocks(new):
        return f"{_deleted(before)}\n{_inserted(after)}"
    if _holds_blocks(old):
        return f"{start}{''.join(_compared(split(old), split(new), depth=depth + 1))}{end}"
    if tag_name(before) not in _CELLS and not are_alike(old, new):
        return f"{_deleted(before)}\n{_inserted(after)}"
    return f"{start}{_inline(old, new)}{end}"


def _opened(block: str) -> tuple[str, str, str]:
    """Return a block's first tag, what it holds, and its last tag."""
    if not is_block_tag(block):
        return "", block, ""
    start, end = block.index(">") + 1, block.rindex("<")
    return block[:start], block[start:end], block[end:]


def _holds_blocks(html: str) -> bool:
    return any(is_block_tag(token) for token in tokens(html))


def _deleted(block: str) -> str:
    return _wrapped(block, "del")


def _inserted(block: str) -> str:
    return _wrapped(block, "ins")


def _wrapped(block: str, mark: str) -> str:
    """Return the block with the mark around each stretch of its text."""
    parts = groupby(tokens(block), is_block_tag)
    return "".join(
        text if is_tag or not text.strip() else f"<{mark}>{text}</{mark}>"
        for is_tag, text in ((is_tag, "".join(run)) for is_tag, run in parts)
    )


def _inline(before: str, after: str) -> str:
    old, new = _words(before), _words(after)
    if not comparable(old, new) or not are_alike(before, after):
        return "".join(f"<{mark}>{text}</{mark}>" for mark, text in (("del", before), ("ins", after)) if text)
    parts = []
    for is_equal, olds, news in _stretches(old, new):
        if is_equal:
            parts.append(_written(news))
            continue
        parts += [f"<del>{_written(olds)}</del>"] if olds else []
        parts += [f"<ins>{_written(news)}</ins>"] if news else []
    return "".join(parts)


def _stretches(old: Sequence[_Word], new: Sequence[_Word]) -> list[tuple[bool, list[_Word], list[_Word]]]:
    """Return what is equal and what is not, in turn.

    A replaced word takes the space behind it along, and what stands between two changes is theirs if it has no word.
    """
    found: list[tuple[bool, list[_Word], list[_Word]]] = []
    for change, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        is_equal, olds, news = change == "equal", [*old[i:i_end]], [*new[j:j_end]]
        was_equal, *last = found[-1] if found else (True, [], [])
        if is_equal and not was_equal and all(last) and news[0].text.isspace():
            last[0].append(olds.pop(0))
            last[1].append(news.pop(0))
        is_between = not was_equal and (i_end, j_end) != (len(old), len(new))
        if not was_equal and (not is_equal or (is_between and not any(map(_is_word, news)))):
            last[0].extend(olds)
            last[1].extend(news)
        elif olds or news:
            found.append((is_equal, olds, news))
    return found


def _is_word(word: _Word) -> bool:
    return word.text[0].isalnum() or word.text.startswith("<")


def _words(html: str) -> list[_Word]:
    found: list[_Word] = []
    within: list[str] = []
    for token in tokens(html):
        if tag_name(token) == "br":
            found.append(_Word(token, tuple(within)))
        elif tag_name(token) is None:
            found += [_Word(word, tuple(within)) for word in _WORD.findall(token)]
        elif token.startswith("</"):
            within.pop()
        else:
            within.append(token)
    return found


def _written(words: Sequence[_Word]) -> str:
    parts = []
    for within, run in groupby(words, lambda word: word.within):
        ends = "".join(f"</{tag_name(tag)}>" for tag in reversed(within))
        parts.append(f"{''.join(within)}{''.join(word.text for word in run)}{ends}")
    return "".join(parts)
