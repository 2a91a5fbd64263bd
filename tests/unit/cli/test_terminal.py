"""How the terminal spells moments of a schedule: its zone with the offset, and UTC."""

from datetime import UTC, datetime

import pytest

from src.cli.terminal import in_zone


@pytest.mark.parametrize(
    ("moment", "zone", "printed"),
    [
        (datetime(2026, 11, 30, 5, 0, tzinfo=UTC), "Europe/Berlin", "Mon 2026-11-30 06:00 +01:00 (05:00 UTC)"),
        (datetime(2026, 7, 1, 4, 0, tzinfo=UTC), "Europe/Berlin", "Wed 2026-07-01 06:00 +02:00 (04:00 UTC)"),
        (datetime(2026, 11, 30, 6, 0, tzinfo=UTC), "UTC", "Mon 2026-11-30 06:00 +00:00 (06:00 UTC)"),
        (
            datetime(2026, 11, 29, 18, 30, tzinfo=UTC),
            "Asia/Kathmandu",
            "Mon 2026-11-30 00:15 +05:45 (2026-11-29 18:30 UTC)",
        ),
        (
            datetime(2026, 11, 30, 5, 0, 7, tzinfo=UTC),
            "America/St_Johns",
            "Mon 2026-11-30 01:30:07 -03:30 (05:00:07 UTC)",
        ),
    ],
)
def test_a_moment_of_a_schedule(moment: datetime, zone: str, printed: str) -> None:
    assert in_zone(moment, zone) == printed
