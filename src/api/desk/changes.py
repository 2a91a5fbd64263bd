"""Tells two states of a thing apart, field by field."""

import json
from collections.abc import Mapping, Sequence

Change = tuple[str, str | None, str | None]


def changes(before: Mapping[str, object] | None, after: Mapping[str, object] | None) -> Sequence[Change]:
    """Return each field that differs, with both values as text.

    None is a field that is not there, or of no value.
    """
    old, new = before or {}, after or {}
    names = [*new, *(name for name in old if name not in new)]
    return [(name, _text(old, name), _text(new, name)) for name in names if _text(old, name) != _text(new, name)]


def _text(state: Mapping[str, object], name: str) -> str | None:
    value = state.get(name)
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
