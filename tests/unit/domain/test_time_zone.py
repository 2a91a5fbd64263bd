"""Time zones: only names of the IANA database, and a remedy for the others."""

from datetime import time

import pytest
from pydantic import ValidationError

from src.domain.errors import InputInvalid
from src.domain.scheduling.schedule import Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from tests.factories import a_site

DAILY = When(times=(time(6, 0),))


@pytest.mark.parametrize("name", ["Europe", "Mars/Olympus", "", "../etc/passwd", "posixrules/x", "Europe/Berlin "])
def test_what_is_no_zone_is_refused_in_words_everywhere(name: str) -> None:
    with pytest.raises(ValidationError, match="no IANA time zone; write for example"):
        Schedule(when=DAILY, time_zone=name)
    with pytest.raises(ValidationError, match="no IANA time zone"):
        a_site(time_zone=name)
    with pytest.raises(InputInvalid, match="no IANA time zone") as error:
        ScheduleChange(times=(time(6, 0),), time_zone=name).apply(None, default_zone="UTC")
    assert error.value.field == "time_zone"


def test_a_zone_with_a_path_is_taken() -> None:
    zone = "America/Argentina/Buenos_Aires"
    assert Schedule(when=DAILY, time_zone=zone).time_zone == zone
