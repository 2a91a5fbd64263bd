"""What is left of text from outside."""

import random

import pytest

from src.domain.text import beginning, storable, visible


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("  how   to\tfix\u00a0a tap ", "how to fix a tap"),
        ("two\u2028lines", "two lines"),
        ("\ufeffleaky tap", "leaky tap"),
        ("1st \u202etap\u202c", "1st tap"),
        ("Auf\u00adlage", "Auflage"),
        ("leaky\u200b tap", "leaky tap"),
        ("\u3164", ""),
        ("", ""),
    ],
)
def test_what_a_reader_cannot_see_goes(text: str, left: str) -> None:
    assert visible(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "می‌خواهم خانه بخرم",  # Persian: the non-joiner is spelling
        "क्‍ष लिखना",  # Hindi: the joiner is spelling
        "👨‍👩‍👧 photo ideas",  # a family is three emoji and two joiners
        "🏳️‍🌈 flag",
        "❤️ emoji meaning",
        "מתקן ברז דולף",  # right to left
        "น้ำ",  # NFKC would take this vowel apart
        "10 m² Zimmer streichen",  # and this is not m2
        "½ inch tap",
    ],
)
def test_what_belongs_to_the_spelling_stays(text: str) -> None:
    assert visible(text) == text


def test_vietnamese_and_korean_are_composed_however_they_were_typed() -> None:
    assert visible("vo\u0300i nu\u031bo\u031b\u0301c") == "vòi nước"
    assert visible("\u1112\u1161\u11ab\u1100\u1173\u11af") == "한글"


@pytest.mark.parametrize("hidden", ["\u200d", "\u200c", "\ufe0f", "\U000e0041", "\U000e0100", "\u034f", "\U000f0000"])
def test_nothing_can_be_hidden_between_latin_letters(hidden: str) -> None:
    assert len(visible(f"ta{hidden * 9}p")) <= len("tap") + 1


@pytest.mark.parametrize("damage", ["\x00", "\x1b[31m", "\x7f", "\x9b", "\ufffd"])
def test_damaged_text_is_refused_and_not_mended(damage: str) -> None:
    with pytest.raises(ValueError, match="it holds"):
        visible(f"leaky{damage}tap")


def test_cleaning_twice_changes_nothing_more() -> None:
    rng = random.Random(20261121)  # noqa: S311 - the same cases in every run
    alphabet = "aé \u0301\u200b\u200c\u200d\ufe0f👨👩म्ی\u202e각"
    for _ in range(5000):
        once = visible("".join(rng.choices(alphabet, k=rng.randint(0, 12))))
        assert visible(once) == once


def test_a_quotation_is_cut_with_an_ellipsis() -> None:
    assert beginning("x" * 80) == "x" * 80
    assert beginning("x" * 81) == "x" * 79 + "…"


def test_any_text_can_be_stored() -> None:
    assert storable("a\x00b") == "ab"
    assert storable("\ud83d\udd27") == "🔧"  # two halves that arrived apart
    assert storable("\ud800 half") == "\ufffd half"
