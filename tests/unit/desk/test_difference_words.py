"""Sections that moved are the fewest that explain the new order."""

import pytest

from src.api.desk.difference_words import Move, moves_of


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ("abcd", "abcd", []),
        ("abcd", "acbd", [Move("c", is_up=True, was_after="b")]),
        ("abcd", "bcda", [Move("a", is_up=False, was_after=None)]),
        ("abcd", "dabc", [Move("d", is_up=True, was_after="c")]),
    ],
)
def test_moves_are_the_fewest(before: str, after: str, moved: list[Move]) -> None:
    found = moves_of(list(before), list(after))
    if moved == [Move("c", is_up=True, was_after="b")]:  # or b moved down: either explains it
        assert len(found) == 1
    else:
        assert found == moved


def test_a_new_order_of_all_is_said_for_all_but_one() -> None:
    assert len(moves_of(list("abcd"), list("dcba"))) == 3
