"""Reads site files: TOML becomes a Site or problems.

Each problem has its line, value and remedy.
"""

import re
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from src.domain.errors import FileInvalid
from src.domain.site import PROVIDERS, Budget, Fact, Link, ModelChoice, Profile, PublishingRules, ReviewRules, Site
from src.domain.stages import Stage
from src.domain.text import beginning

from .delimited import decode

_MAX_BYTES = 1_000_000  # a site with every list full has a tenth of it
_MAX_PROBLEMS = 10  # the rest shows after these are corrected
_TABLES: dict[str, type[BaseModel]] = {
    "profile": Profile,
    "facts": Fact,
    "links": Link,
    "budget": Budget,
    "review": ReviewRules,
    "publishing": PublishingRules,
}
_TABLE_LINE = re.compile(r"\s*(\[\[?)\s*([\w.\- ]+?)\s*\]")
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")

_REMEDIES = {
    "string_type": "write text in quotes",
    "int_type": "write a whole number, without quotes",
    "decimal_type": "write a number such as 5.50",
    "decimal_parsing": "write a number such as 5.50",
    "finite_number": "write a number such as 5.50",
    "greater_than": "it must be more than {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than_equal": "it must be at most {le}",
    "string_too_short": "it needs at least {min_length} character(s)",
    "string_too_long": "it may have {max_length} characters at most",
    "too_long": "it has {actual_length} entries, at most {max_length} are allowed",
    "url_type": "write an address in quotes, such as https://www.example.com",
    "url_parsing": "write a whole address such as https://www.example.com",
    "url_syntax_violation": "write a whole address such as https://www.example.com",
    "url_scheme": "begin the address with https:// or http://",
    "time_delta_parsing": "write a number with its unit, such as 24h or 7d",
    "bool_type": "write true or false, without quotes",
    "enum": "write {expected}",
    "tuple_type": "write a list in [brackets]; facts and links stand below [[profile.facts]] and [[profile.links]]",
    "value_error": "{error}",
}
_PATTERNS = {
    "slug": "write lowercase letters, digits and single hyphens, such as hardware-shop",
    "id": "write lowercase letters, digits and single hyphens, such as opening-hours",
    "provider": f"write {', '.join(PROVIDERS[:-1])} or {PROVIDERS[-1]}",
    "start": "write a time of the day such as 09:00",
    "effort": "write none, low, medium or high",
}


def read(data: bytes, *, file: str) -> Site:
    """Return the site that a TOML file describes.

    ``file`` is its name, for messages.

    Raises FileInvalid naming the line where the TOML breaks, or each field with its value and the remedy.
    """
    if len(data) > _MAX_BYTES:
        raise FileInvalid(file, f"it has {len(data):,} bytes, a site file at most {_MAX_BYTES:,}")
    text = decode(data, file=file)
    tables = _parse(text, file=file)
    try:
        return Site.model_validate(tables)
    except ValidationError as error:
        details = error.errors(include_url=False)
        if len(details) == 1:
            raise FileInvalid(file, _problem(details[0]), line=_line_of(text, details[0]["loc"])) from error
        raise FileInvalid(file, _listed(details, text)) from error


def field_problems(error: ValidationError) -> dict[str, str]:
    """Return what is wrong with each field, by paths as in ``profile.facts[0].id``."""
    problems: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        path = _path(detail["loc"])
        if detail["type"] == "missing":
            about = _model_at(detail["loc"]).model_fields[str(detail["loc"][-1])].description
            problems.setdefault(path, f"fill this in: {about}")
        else:
            problems.setdefault(path, _remedy(detail, path))
    return problems


def _parse(text: str, *, file: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise FileInvalid(file, "its lists or tables are nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError, and numbers longer than Python reads
        message = str(error)
        place = _PLACE.search(message)
        line = int(place[1]) if place and place[1] else text.count("\n") + 1 if place else None
        column = f" at column {place[2]}" if place and place[2] else ""
        remedy = "each line reads key = value, and text stands in quotes"
        raise FileInvalid(file, f"this is not TOML: {_PLACE.sub('', message)}{column}; {remedy}", line=line) from error


def _listed(details: Sequence[ErrorDetails], text: str) -> str:
    lines = [f"{len(details)} fields cannot be used:"]
    for detail in details[:_MAX_PROBLEMS]:
        line = _line_of(text, detail["loc"])
        lines.append(f"  {f'line {line}: ' if line else ''}{_problem(detail)}")
    if len(details) > _MAX_PROBLEMS:
        lines.append(f"  and {len(details) - _MAX_PROBLEMS} more")
    return "\n".join(lines)


# --- one problem in plain words --------------------------------------------------------------------------------------


def _problem(detail: ErrorDetails) -> str:
    path = _path(detail["loc"])
    match detail["type"]:
        case "missing":
            description = _model_at(detail["loc"]).model_fields[str(detail["loc"][-1])].description
            return f"{path} is missing: {description}"
        case "extra_forbidden":
            return f"{path} is not known: {_instead_of(detail['loc'])}"
    value = detail["input"]
    shown = "" if isinstance(value, dict | list) else f" {beginning(repr(value))}"
    return f"{path}:{shown} cannot be used: {_remedy(detail, path)}"


def _remedy(detail: ErrorDetails, path: str) -> str:
    match detail["type"]:
        case "string_pattern_mismatch":
            return _PATTERNS[str(detail["loc"][-1])]
        case "enum" if path.startswith("models"):
            return f"stages are {', '.join(f'{stage.value} ({stage.name.lower()})' for stage in Stage)}"
        case "model_type" | "dict_type" if path.startswith("models."):
            return "write a provider, provider:model in quotes, or a table"
        case "model_type" | "dict_type":
            return f"write a table, with its fields below [{path}]"
        case kind:
            known = _REMEDIES.get(kind)
            return known.format(**detail.get("ctx", {})) if known else detail["msg"]


def _instead_of(location: Sequence[int | str]) -> str:
    """Return a suggestion for an unknown field."""
    key, model = str(location[-1]), _model_at(location)
    if model is not Site and key in Site.model_fields:
        return "it belongs above the first [table]"
    for table, other in _TABLES.items():
        if table not in ("facts", "links") and model is not other and key in other.model_fields:
            return f"it belongs below [{table}]"
    if close := get_close_matches(key, model.model_fields, n=1):
        return f"did you mean {close[0]}?"
    return f"known are {', '.join(model.model_fields)}"


def _model_at(location: Sequence[int | str]) -> type[BaseModel]:
    """Return the model whose field ``location`` is."""
    tables = [part for part in location[:-1] if isinstance(part, str)]
    if not tables:
        return Site
    return ModelChoice if tables[0] == "models" else _TABLES[tables[-1]]


# --- where it stands -------------------------------------------------------------------------------------------------


def _path(location: Sequence[int | str]) -> str:
    """Return a location as in ``profile.facts[0].id``."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location if part != "[key]")
    return path.removeprefix(".")


def _line_of(text: str, location: Sequence[int | str]) -> int | None:
    """Return the line of a field, else that of its table.

    None where the file writes neither in so many words.
    """
    names = [part for part in location if isinstance(part, str) and part != "[key]"]
    entry = next((part for part in location[:-1] if isinstance(part, int)), 0)
    table, key = ".".join(names[:-1]), names[-1]
    assignment = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
    current, seen, beginning_of_table = "", -1, None
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _TABLE_LINE.match(line):
            current = header[2]
            if current == ".".join(names):
                return number
            seen += current == table
            beginning_of_table = number if current == table and seen == entry else beginning_of_table
        elif current == table and seen in (entry, -1) and assignment.match(line):
            return number
    return beginning_of_table or (_line_of(text, names[:-1]) if table else None)
