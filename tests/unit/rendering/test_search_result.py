"""Lines of a search result are measured in Arial and cut at a word."""

import pytest

from src.rendering.search_result import search_result, width_of


@pytest.mark.parametrize(
    ("text", "size", "width"),
    [
        ("", 20, 0),
        ("i", 2048, 455),  # the widths of the font's table
        ("W", 2048, 1933),
        ("ä", 2048, 1139),
        ("木", 20, 20),  # not in the table: as wide as it is high
        ("e\u0301", 2048, 1139),  # an accent takes no room
        ("a\u200db", 2048, 2278),
    ],
)
def test_characters_have_the_width_of_arial(text: str, size: int, width: float) -> None:
    assert width_of(text, size) == pytest.approx(width)


def test_a_line_that_fits_is_shown_whole() -> None:
    found = search_result("How to fix a tap", "Two tools are enough.")
    assert (found.title.shown, found.title.is_cut) == ("How to fix a tap", False)
    assert found.description.shown == "Two tools are enough."


def test_a_line_that_is_too_wide_is_cut_after_a_word() -> None:
    title = search_result("plug " * 40, "").title
    assert title.is_cut
    assert title.shown.endswith("plug …")
    assert width_of(title.shown, 20) <= title.limit < width_of(f"{title.shown} plug", 20)


def test_one_endless_word_is_cut_within() -> None:
    title = search_result("木" * 40, "").title
    assert title.shown == f"{'木' * 27} …"
