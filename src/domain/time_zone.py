"""IANA time zones."""

from difflib import get_close_matches
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator


def check_time_zone(name: str) -> str:
    """Return ``name`` if the IANA database has it.

    Raises ValueError that offers a close name.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: "Europe" is a folder of that database
        close = get_close_matches(name, available_timezones(), n=1)
        example = close[0] if close else "Europe/Berlin"
        raise ValueError(f"it is no IANA time zone; write for example {example}") from error
    return name


TimeZoneName = Annotated[str, AfterValidator(check_time_zone)]
"""An IANA name such as ``Europe/Berlin``."""
