"""Writes a site as its TOML file would describe it.

What it writes is read back as the same site. Comments of a file that was handed in are not kept, since they are no
part of a site.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta

from pydantic import BaseModel

from src.domain.site import Site

_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "m"), (timedelta(seconds=1), "s"))


def written(site: Site) -> str:
    """Return the site's file. Defaults are left out."""
    return "\n".join(_table("", site)).lstrip("\n") + "\n"


def duration(length: timedelta) -> str:
    """Return a length of time such as ``24h``."""
    for unit, name in _UNITS:
        if not length % unit and length:
            return f"{length // unit}{name}"
    return "0s" if not length else f"PT{length.total_seconds()}S"


def _table(path: str, model: BaseModel) -> Iterator[str]:
    """Yield a table's values, then the tables in it."""
    values = {name: getattr(model, name) for name in type(model).model_fields if _is_given(model, name)}
    plain = {name: value for name, value in values.items() if not _is_table(value)}
    if path and (plain or not values):
        yield f"\n[{path}]"
    yield from (f"{name} = {_value(value)}" for name, value in plain.items())
    for name, value in values.items():
        if _is_table(value):
            yield from _tables(f"{path}.{name}" if path else name, value)


def _tables(path: str, value: object) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from _table(path, value)
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _table(f"{path}.{name}", each)
    elif isinstance(value, tuple):
        for each in value:
            yield f"\n[[{path}]]"
            yield from (line for line in _table("", each) if line)


def _is_given(model: BaseModel, name: str) -> bool:
    field = type(model).model_fields[name]
    return field.is_required() or getattr(model, name) != field.get_default(call_default_factory=True)


def _is_table(value: object) -> bool:
    return isinstance(value, BaseModel | Mapping) or (
        isinstance(value, tuple) and bool(value) and isinstance(value[0], BaseModel)
    )


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case timedelta():
            return _text(duration(value))
        case tuple():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return _text(str(value))


def _text(text: str) -> str:
    """Return a basic string: JSON's but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
