"""What people type for options of several commands."""

from datetime import UTC, datetime

import pytest

from src.cli.errors import worded
from src.cli.options import read_wish
from src.domain.errors import InputInvalid
from src.domain.publishing import PublishWish, Wish


@pytest.mark.parametrize(
    ("typed", "wish"),
    [
        ("now", Wish.NOW),
        ("cadence", Wish.CADENCE),
        ("no", Wish.NO),
        ("2026-12-01T09:00+01:00", datetime(2026, 12, 1, 8, 0, tzinfo=UTC)),
        ("2026-12-01T09:00", datetime(2026, 12, 1, 9, 0).astimezone(UTC)),
    ],
)
def test_a_wish_is_a_word_or_a_time(typed: str, wish: PublishWish) -> None:
    assert read_wish(typed) == wish


@pytest.mark.parametrize("typed", ["", "Now", "wait", "tomorrow", "2026-13-01"])
def test_another_wish_is_refused_with_what_there_is(typed: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        read_wish(typed)
    assert worded(refused.value) == (
        f"--publish: {typed!r} cannot be used: write now, cadence, no, or a time as 2026-12-01T09:00"
    )
