"""Clean, cut, count and compare text in any script."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from src.domain.longtail import phrase_key
from src.domain.text import visible

_DAMAGED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufffd]")
_RARE = re.compile(  # what ``visible`` inspects: fillers, format characters, selectors, private use
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000e0000-\U0010ffff]"
)
_INVISIBLE_IN_PROSE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e0fff]")
_TWO_A_WORD = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Japanese and Chinese
_FOUR_A_WORD = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
_UNSPACED = re.compile(f"[{_TWO_A_WORD}{_FOUR_A_WORD}]+")
_PAIRS = re.compile(f"[{_TWO_A_WORD}]")
_FOURS = re.compile(f"[{_FOUR_A_WORD}]")
_WORD = re.compile(r"\w")
_TOKEN = re.compile(r"\w+")
_SHORTEST_TELLING = 3  # letters; shorter words are mostly grammar
_HALF = 0.5  # of a keyword's words: the rest may be inflected or paraphrased
_SHORT_STEM = 4  # letters that stand inside too many other words, so they must begin one
_STEM = 10  # letters of a word that are compared at most; the end may be inflected

MOST_OF_KEYWORD = 0.75  # of its words somewhere in the text
DENSEST = 0.025  # occurrences of the keyword per word; above reads as stuffing
_FEW_OCCURRENCES = 5  # never too dense, however short the text
_SHORT_WORD = 4  # letters; a keyword like «with» or «5G» is part of the language
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)

_ABOUT_ITSELF = "the writer speaking about itself"
_LEFTOVERS = (
    (
        "a placeholder in brackets",
        re.compile(
            r"\[[^\]\n]{0,40}\b(?:insert|placeholder|platzhalter|einf[üu]gen|your|todo|tbd|xxx?)\b[^\]\n]{0,60}\]"
            r"|\[(?:insert|todo|tbd)",
            re.IGNORECASE,
        ),
    ),
    ("template braces", re.compile(r"\{\{|\}\}|\{%")),
    ("filler text", re.compile(r"\blorem\b", re.IGNORECASE)),
    ("a note to oneself", re.compile(r"\bTODO:|\bFIXME\b|\bHUMAN_INPUT\b")),
    (
        _ABOUT_ITSELF,
        re.compile(
            r"\bas an? (?:ai\b|(?:large )?language model|artificial intelligence)|\bals (?:eine? )?KI\b(?:-\w+)?[ ,]"
            r"|\bals (?:gro(?:ß|ss)es )?sprachmodell\b",
            re.IGNORECASE,
        ),
    ),
)
_ABOUT_AI = re.compile(r"\b(?:ai|ki|language model|sprachmodell)\b", re.IGNORECASE)


def clean_line(text: str) -> str:
    """Return one line of visible characters in NFC.

    What cannot be shown is dropped.
    """
    text = _DAMAGED.sub("", text)
    return visible(text) if _RARE.search(text) else " ".join(unicodedata.normalize("NFC", text).split())


def clean_prose(text: str) -> str:
    """Return lines of visible characters in NFC, without blanks around them."""
    lines = unicodedata.normalize("NFC", without_invisible(text)).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def without_invisible(text: str) -> str:
    """Return ``text`` without characters that hide or damage it."""
    return _INVISIBLE_IN_PROSE.sub("", _DAMAGED.sub("", text))


def fit(text: str, limit: int) -> str:
    """Return the text cut after a word within ``limit`` characters.

    No punctuation is left at its end.
    """
    if len(text) <= limit:
        return text
    cut = text[: limit + 1].rsplit(None, 1)[0]
    if not 0 < len(cut) <= limit or len(cut) < limit / 2:  # one long word, or a script without spaces
        cut = text[:limit]
        while cut and (unicodedata.combining(text[len(cut)]) or text[len(cut)] in "\u200d\ufe0f"):
            cut = cut[:-1]  # never between a letter and its marks
    return cut.rstrip(" ,;:–—-|/(\u200d")


def unique(texts: Iterable[str]) -> list[str]:
    """Return the items without repetitions in another spelling."""
    return list({phrase_key(text): text for text in reversed([*texts])}.values())[::-1]


def count_words(text: str) -> int:
    """Count as a reader would.

    Where words are not spaced, two or four characters are one.
    """
    if text.isascii():
        return sum(1 for word in text.split() if _WORD.search(word))
    pairs, fours = len(_PAIRS.findall(text)), len(_FOURS.findall(text))
    spaced = _UNSPACED.sub(" ", text) if pairs or fours else text
    return sum(1 for word in spaced.split() if _WORD.search(word)) + -(-pairs // 2) + -(-fours // 4)


def occurrences(text: str, phrase: str) -> int:
    """Return how often ``phrase`` stands in ``text``.

    Whole words count, in any spelling that counts as the same.
    """
    wanted = phrase_key(phrase)
    if not wanted:
        return 0
    return len(_whole(wanted).findall(phrase_key(text)))


def without(text: str, phrase: str) -> str:
    """Return ``text`` without ``phrase``.

    Words of the keyword do not count against a writer.
    """
    return re.sub(re.escape(phrase), " ", text, flags=re.IGNORECASE) if phrase else text


def coverage(text: str, phrase: str) -> float:
    """Return the share of ``phrase`` that is in ``text``, 0 to 1.

    All of it word for word, or so many of its words.
    """
    folded, wanted = phrase_key(text), phrase_key(phrase)
    if wanted in folded:
        return 1.0
    beginnings = f" {' '.join(_TOKEN.findall(folded))}"
    found = [f" {mark}" in beginnings if _is_short(mark) else mark in folded for mark in _marks(wanted)]
    return sum(found) / len(found) if found else 0.0


def mentions(text: str, keyword: str, *, room: int) -> bool:
    """Return whether ``text`` has half of the keyword's words.

    Fewer suffice if they do not fit into ``room`` characters.
    """
    return coverage(text, keyword) >= _HALF * min(1, room / len(keyword))


def leftovers(text: str, keyword: str) -> list[str]:
    """Return placeholders, filler and phrases of a model about itself.

    A keyword about them is fine.
    """
    return [f"{name}: {span[:60]!r}" for name, span in found_leftovers(text, keyword)]


def found_leftovers(text: str, keyword: str) -> list[tuple[str, str]]:
    """Return what ``leftovers`` finds, each with the text it is."""
    found = [(name, pattern.search(text)) for name, pattern in _LEFTOVERS if not pattern.search(keyword)]
    return [
        (name, match.group())
        for name, match in found
        if match and not (name == _ABOUT_ITSELF and _ABOUT_AI.search(keyword))
    ]


def banned(text: str, terms: Sequence[str], keyword: str) -> list[str]:
    """Return the banned terms in ``text``, worded.

    Terms that are a part of the keyword are left out.
    """
    return [f"banned term {term!r}" for term in banned_terms(text, terms, keyword)]


def banned_terms(text: str, terms: Sequence[str], keyword: str) -> list[str]:
    """Return what ``banned`` finds, as the site spells it."""
    if not terms:
        return []
    folded, wanted = phrase_key(text), phrase_key(keyword)
    keys = [(term, _whole(phrase_key(term))) for term in terms]
    return [term for term, key in keys if not key.search(wanted) and key.search(folded)]


def visible_tags(texts: Iterable[str], keyword: str) -> list[str]:
    """Return HTML that stands in ``texts`` for a reader to see.

    That of the keyword is left out.
    """
    return list(dict.fromkeys(tag for text in texts for tag in _TAG.findall(without(text, keyword))))


def most_natural(keyword: str, words: int) -> int | None:
    """Return how often a keyword reads naturally in so many words.

    None for a short word, which is a part of the language.
    """
    parts = len(keyword.split())
    if parts == 1 and len(keyword) <= _SHORT_WORD:
        return None
    densest = DENSEST if parts > 1 else 2 * DENSEST  # a single word can hardly be avoided
    return max(_FEW_OCCURRENCES, int(densest * words))


def _whole(key: str) -> re.Pattern[str]:
    if _UNSPACED.search(key):
        return re.compile(re.escape(key))
    before = r"(?<!\w)" if _WORD.match(key[:1]) else ""
    after = r"(?!\w)" if _WORD.match(key[-1:]) else ""
    return re.compile(f"{before}{re.escape(key)}{after}")


def _is_short(mark: str) -> bool:
    return len(mark) <= _SHORT_STEM and mark.isascii() and mark.isalnum()


def _marks(key: str) -> list[str]:
    """Return the marks by which a phrase is found.

    The stems of its telling words, pairs of characters without spaces, else its signs.
    """
    unspaced = [run[i : i + 2] for run in _UNSPACED.findall(key) for i in range(max(1, len(run) - 1))]
    words = _TOKEN.findall(_UNSPACED.sub(" ", key))
    telling = [word for word in words if len(word) >= _SHORTEST_TELLING or word.isdecimal()] or words
    stems = [word[: max(_SHORTEST_TELLING, min(len(word) - 2, _STEM))] for word in telling]
    return [*dict.fromkeys(unspaced + stems)] or [*dict.fromkeys(key.replace(" ", ""))]
