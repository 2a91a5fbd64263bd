"""Counting, cutting and comparing, in scripts that do not space their words too."""

import pytest

from src.quality.language import is_in
from src.quality.wording import (
    banned,
    clean_line,
    clean_prose,
    count_words,
    coverage,
    fit,
    leftovers,
    occurrences,
    unique,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("Don't – stop!", 2),
        ("Größe: 3 m²", 3),
        ("水漏れを直す", 3),
        ("iPhone 15 ケース", 4),
        ("น้ำรั่วจากก๊อก", 4),
        ("물이 새는 수도꼭지", 3),
        ("صنبور المطبخ", 2),
        ("🚰 👍", 0),
    ],
)
def test_words_are_counted_as_a_reader_would(text: str, words: int) -> None:
    assert count_words(text) == words


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("one two three", 9, "one two"),
        ("one two three", 7, "one two"),
        ("one, two", 5, "one"),
        ("one", 3, "one"),
        ("x" * 50, 10, "x" * 10),
        ("水漏れを直す方法", 4, "水漏れを"),
        ("a" * 9 + "e\u0301e", 10, "a" * 9),
        ("👨‍👩‍👧‍👦" * 3, 9, "👨‍👩‍👧‍👦👨"),
    ],
)
def test_texts_are_cut_between_words(text: str, limit: int, cut: str) -> None:
    assert fit(text, limit) == cut


@pytest.mark.parametrize(
    ("text", "phrase", "count"),
    [
        ("A tap, THE TAP and tapping", "tap", 2),
        ("C++ and C+", "c++", 1),
        ("Ｔａｐ ‘tap’", "tap", 2),
        ("水漏れと水漏れ", "水漏れ", 2),
        ("nothing", "", 0),
        ("can I? Can I", "can i?", 2),
    ],
)
def test_occurrences_are_whole_words(text: str, phrase: str, count: int) -> None:
    assert occurrences(text, phrase) == count


def test_coverage_is_the_share_of_telling_words() -> None:
    assert coverage("fixing taps that leak", "how to fix a leaky tap") == pytest.approx(3 / 4)
    assert coverage("all about plumbing", "how to fix a leaky tap") == 0
    assert coverage("How To Fix A Leaky Tap today", "how to fix a leaky tap?") == 1


def test_hidden_characters_do_not_survive() -> None:
    assert clean_line(" a\u200bb\u202e\ud800\x00 c\n d ") == "ab c d"
    assert clean_prose("a\u200b \r\n\r\n b\ufeff\x07") == "a\n\n b"


def test_repetitions_keep_their_first_place() -> None:
    assert unique(["B", "a", "b", "A?", "c"]) == ["B", "a", "c"]


def test_banned_terms_are_whole_words_and_not_the_keyword() -> None:
    assert banned("The CHEAPEST cheap taps", ["cheap", "cheapest tap"], "taps") == ["banned term 'cheap'"]
    assert banned("cheap taps", ["cheap"], "cheap taps") == []


@pytest.mark.parametrize(
    "text", ["Work as an aide", "als Kind", "see [1]", "[your](https://x)", "a {b} c", "todo list"]
)
def test_ordinary_text_is_no_leftover(text: str) -> None:
    assert leftovers(text.replace("[your](https://x)", "your"), "taps") == []


ENGLISH = (
    "Turn off the water before you take the tap apart, and put a towel into the sink so that nothing is lost. " * 3
)
GERMAN = (
    "Drehen Sie das Wasser ab, bevor Sie den Hahn zerlegen, und legen Sie ein Tuch in das Becken, damit nichts fehlt. "
    * 3
)
SPANISH = "Cierra el agua antes de desmontar el grifo y pon una toalla en el fregadero para que no se pierda nada. " * 3
JAPANESE = "水を止めてから蛇口を分解しましょう。部品をなくさないように、流しにタオルを敷いておくと安心です。" * 6


@pytest.mark.parametrize(
    ("text", "tag", "is_so"),
    [
        (ENGLISH, "en-GB", True),
        (ENGLISH, "de", False),
        (GERMAN, "de-AT", True),
        (GERMAN, "en", False),
        (SPANISH, "es", True),
        (SPANISH, "pt-BR", False),
        (JAPANESE, "ja", True),
        (JAPANESE, "en", False),
        (ENGLISH, "tlh", True),
        ("kurz", "en", True),
    ],
)
def test_the_language_of_a_text_is_known_or_left_open(text: str, tag: str, is_so: bool) -> None:
    assert is_in(text, tag) is is_so
