"""Which block of a later text is which of the earlier one.

A changed block stands beside the one most like it. Blocks that have little in common are no pair: marked word by word
they would be confetti.
"""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from .blocks import is_block_tag, tag_name, tokens

LEAST_ALIKE = 0.4  # of the words
NO_SPACES = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # scripts that write words without spaces between
_WORD = re.compile(f"[{NO_SPACES}]|[^\\W{NO_SPACES}]+")
_MOST = 400  # pairs that are looked at
_LONGEST = 2_000  # words of a block that are compared in their order

Pair = tuple[tuple[str, ...], tuple[str, ...]]


def paired(before: Sequence[str], after: Sequence[str]) -> list[Pair]:
    """Return the blocks of a change, in pairs or alone.

    Joined, the groups are both sides.
    """
    if not before or not after or len(before) * len(after) > _MOST:
        return [(tuple(before), tuple(after))]
    groups: list[Pair] = []
    at, other = 0, 0
    for i, j in [*_best(before, after), (len(before), len(after))]:
        if i > at or j > other:
            groups.append((tuple(before[at:i]), tuple(after[other:j])))
        if i < len(before):
            groups.append(((before[i],), (after[j],)))
        at, other = i + 1, j + 1
    return groups


def are_alike(one: str, other: str) -> bool:
    """Return whether the texts have enough words in common."""
    return _likeness(_words(one), _words(other)) >= LEAST_ALIKE


def _best(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places of the pairs that are most alike."""
    sides = [[(_kind(block), _words(block)) for block in side] for side in (before, after)]
    total = [[0.0] * (len(after) + 1) for _ in range(len(before) + 1)]
    alike = [[0.0] * len(after) for _ in before]
    for i in reversed(range(len(before))):
        for j in reversed(range(len(after))):
            (kind, words), (other_kind, other_words) = sides[0][i], sides[1][j]
            alike[i][j] = _likeness(words, other_words) if kind == other_kind else 0
            with_pair = total[i + 1][j + 1] + alike[i][j] if alike[i][j] >= LEAST_ALIKE else 0
            total[i][j] = max(total[i + 1][j], total[i][j + 1], with_pair)
    found, i, j = [], 0, 0
    while i < len(before) and j < len(after):
        if total[i][j] == total[i + 1][j]:
            i += 1
        elif total[i][j] == total[i][j + 1]:
            j += 1
        else:
            found.append((i, j))
            i, j = i + 1, j + 1
    return found


def _likeness(words: Sequence[str], others: Sequence[str]) -> float:
    """Return the share of words in common; 1 without any."""
    both = len(words) + len(others)
    if not both:
        return 1
    common = 2 * (Counter(words) & Counter(others)).total() / both
    if common < LEAST_ALIKE or max(len(words), len(others)) > _LONGEST:
        return common
    return SequenceMatcher(None, words, others, autojunk=False).ratio()


def _words(html: str) -> list[str]:
    return _WORD.findall(" ".join(token for token in tokens(html) if tag_name(token) is None).casefold())


def _kind(block: str) -> str | None:
    return tag_name(block) if is_block_tag(block) else None
