"""Text from outside, made fit to be shown, stored and compared.

One line of characters that a reader can see.
"""

import re
import unicodedata

_BLANKS = {"\u3164", "\uffa0", "\u2800"}  # Hangul fillers and the empty Braille cell: letters that look like a space
_IGNORABLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e0fff]")
_SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f]")  # choose a glyph, as in the red heart
_JOINED_SCRIPTS = re.compile(
    "[\u0600-\u109f\u1780-\u18af]"
)  # Arabic to Myanmar, Khmer, Mongolian: joiners are spelling
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_HIDDEN = {"Cf", "Co", "Cs"}  # format (bidi, zero-width, soft hyphen), private use, surrogate


def visible(text: str) -> str:
    """Return ``text`` as one line of visible characters in NFC.

    Words are separated by one space.

    NFC and not NFKC, since the latter turns m² into m2 and breaks the Thai vowel in น้ำ. Format characters go, and with
    them all ways to hide text (bidi controls, tags, piled-up selectors), but for joiners where they are spelling
    (Persian, Hindi, emoji families). What remains may be empty.

    Raises ValueError for characters that only a damaged file holds.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    plain = unicodedata.normalize("NFC", "".join(_without_hidden(character) for character in text))
    while (meant := _without_unmeant(plain)) != plain:  # without a joiner marks may change places, and neighbours
        plain = meant
    return " ".join(plain.split())


def beginning(text: str, *, length: int = 80) -> str:
    """Return what a message or a list quotes of ``text``.

    As it came, so print its repr or escape it.
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def storable(text: str) -> str:
    """Return ``text`` as PostgreSQL and Temporal can store it.

    Halves of a character that arrived in two chunks are joined; a half alone becomes U+FFFD. NUL is dropped.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\x00", "")


def _without_hidden(character: str) -> str:
    if character in (_ZWNJ, _ZWJ):
        return character
    if character.isspace() or character in _BLANKS:
        return " "
    category = unicodedata.category(character)
    if category == "Cc":
        raise ValueError("it holds control characters, as a damaged file does; type it again")
    if character == "\ufffd":
        raise ValueError("it holds �, a character lost in an earlier conversion; export it again as UTF-8")
    return "" if category in _HIDDEN or _IGNORABLE.match(character) else character


def _without_unmeant(text: str) -> str:
    kept = ""
    for at, character in enumerate(text):
        if _is_meant(character, kept[-1:], text[at + 1 : at + 2]):
            kept += character
    return unicodedata.normalize("NFC", kept)


def _is_meant(character: str, previous: str, following: str) -> bool:
    """Return whether a joiner or selector is visible there.

    Any other character does.
    """
    if character in (_ZWNJ, _ZWJ):
        return _joins(character, previous, following)
    if _SELECTORS.match(character):
        return previous not in ("", " ", _ZWNJ, _ZWJ) and not _SELECTORS.match(previous)
    return True


def _joins(joiner: str, previous: str, following: str) -> bool:
    if not previous or not following or _SELECTORS.match(following):
        return False
    if _JOINED_SCRIPTS.match(previous):
        return unicodedata.category(following)[0] in "LM"
    return joiner == _ZWJ and _is_pictorial(previous) and _is_pictorial(following)


def _is_pictorial(character: str) -> bool:
    """Return whether it can be part of an emoji sequence.

    By number too, as Python's tables lag behind new emoji.
    """
    if character == "\ufe0f" or "\U0001f000" <= character <= "\U0001fbff":
        return True
    return unicodedata.category(character) == "So"
