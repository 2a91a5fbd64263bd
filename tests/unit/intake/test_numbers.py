"""Numbers as they stand in lists."""

import pytest

from src.intake.numbers import decimal, is_unknown, whole


@pytest.mark.parametrize(
    "text",
    ["1300", "1,300", "1.300", "1 300", "1\u00a0300", "1\u202f300", "1'300", "1’300", "1300.0", "1.3K", "１３００"],
)
def test_one_thousand_three_hundred_is_read_in_every_notation(text: str) -> None:
    assert whole(text) == 1300


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("-5", -5), ("−5", -5), ("+5", 5), ("10K", 10_000), ("1,2 M", 1_200_000)]
)
def test_whole_numbers_may_be_signed_or_short(text: str, number: int) -> None:
    assert whole(text) == number


@pytest.mark.parametrize("text", ["", " ", "-", "–", "N/A", "n/a", "k.A.", "∞", "<10", "> 1,000", "1K – 10K", "10-100"])
def test_what_says_unknown_is_unknown_and_not_zero(text: str) -> None:
    assert whole(text) is None
    assert decimal(text) is None


def test_bounds_and_ranges_are_no_empty_marks() -> None:
    assert is_unknown(" N/A ")
    assert not is_unknown("<10")


@pytest.mark.parametrize(
    "text", ["many", "12 50", "1,30", "1.5", "1e5", "2026-05-01", "½", "=1+1", "9" * 5000, "1,300K"]
)
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"whole number|digits"):
        whole(text)


@pytest.mark.parametrize(("text", "number"), [("45", 45), ("45.5", 45.5), ("45,5", 45.5), ("45 %", 45), ("-1", -1)])
def test_decimals_take_a_comma_or_a_point(text: str, number: float) -> None:
    assert decimal(text) == number


@pytest.mark.parametrize("text", ["hard", "4.5.6", "1,300.5", "1e3"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number such as 45"):
        decimal(text)
