"""The API's wording of errors: problem documents (RFC 9457)."""

import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import date, datetime

from src.domain.errors import LongtailError

MEDIA_TYPE = "application/problem+json"  # RFC 9457, section 3


def problem_document(error: LongtailError) -> dict[str, object]:
    """Return the error as members of a problem document.

    These are ``type``, ``title``, ``status``, ``detail``, then the error's facts as extensions.

    ``type`` is a relative reference that names the error's class; ``title`` is the same for every problem of a type.
    ``retryable`` and ``retry_after`` (seconds) show whether the request may be repeated unchanged.
    """
    words = re.findall(r"[A-Z][a-z]*", type(error).__name__)
    document: dict[str, object] = {
        "type": f"/problems/{'-'.join(words).lower()}",
        "title": " ".join([words[0], *(word.lower() for word in words[1:])]),
        "status": error.status,
        "detail": error.message,
        "retryable": error.retryable,
    }
    if error.retry_after is not None:
        document["retry_after"] = error.retry_after.total_seconds()
    if error.hint is not None:
        document["hint"] = error.hint.value
    return document | {name: _json(value) for name, value in error.facts.items()}


def _json(value: object) -> object:
    """Return ``value`` as a JSON value.

    What JSON has no form for becomes text.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return {str(name): _json(item) for name, item in value.items()}
        case list() | tuple():
            return [_json(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _json(asdict(value))
        case _:
            return str(value)
