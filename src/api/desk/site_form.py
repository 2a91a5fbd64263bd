"""A site as the fields of a form, and back.

Fields are named by paths, as problems of a site file are: ``profile.facts[0].id``.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from src.domain.site import ModelChoice, Site
from src.domain.stages import STAGES
from src.intake.site_toml import duration

_WHOLE = frozenset(
    {"articles_per_batch", "profile.word_target", "review.approvals", "publishing.per_day"},
)
_LINES = "profile.banned_terms"
_CHECKED = "review.self_approval"
_ENTRY = re.compile(r"profile\.(facts|links)\[(\d{1,4})\]\.(id|text|url|title)")
_PARTS = {"facts": ("id", "text"), "links": ("url", "title")}
_PLAIN = (
    *("slug", "name", "base_url", "language", "time_zone", "articles_per_batch"),
    *("profile.audience", "profile.tone", "profile.publisher", "profile.author", "profile.word_target"),
    *("budget.per_day_usd", "budget.per_month_usd"),
    *("review.reminder", "review.expiry", "review.approvals"),
    *("publishing.on_approval", "publishing.undo", "publishing.per_day", "publishing.start"),
)
SPARE = 2  # empty rows below the last fact and link; a saved form has new ones


def tables_of(fields: Mapping[str, str], before: Site | None) -> dict[str, Any]:
    """Return what a site file with these fields would hold.

    What is empty is left out, so that its default counts. ``before`` keeps what the form has no field for: effort and
    caps of a model that stays.
    """
    tables: dict[str, Any] = {"profile": {}, "budget": {}, "review": {}, "publishing": {}}
    for path in _PLAIN:
        if given := fields.get(path, "").strip():
            _put(tables, path, _whole(given) if path in _WHOLE else given)
    if terms := [line.strip() for line in fields.get(_LINES, "").splitlines() if line.strip()]:
        tables["profile"]["banned_terms"] = terms
    tables["review"]["self_approval"] = _CHECKED in fields
    for kind, parts in _PARTS.items():
        if entries := _entries(fields, kind, parts):
            tables["profile"][kind] = entries
    tables["models"] = _models(fields, before)
    return tables


def fields_of(site: Site) -> dict[str, str]:
    """Return the fields that show a site."""
    fields: dict[str, str] = {path: _shown(_get(site, path)) for path in _PLAIN}
    fields[_LINES] = "\n".join(site.profile.banned_terms)
    if site.review.self_approval:
        fields[_CHECKED] = "on"
    for kind, parts in _PARTS.items():
        for at, entry in enumerate(getattr(site.profile, kind)):
            fields |= {f"profile.{kind}[{at}].{part}": str(getattr(entry, part)) for part in parts}
    return fields | {f"models.{stage.value}": _choice(choice) for stage, choice in site.models.items()}


def compacted(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields with facts and links counted anew."""
    kept = {path: value for path, value in fields.items() if not _ENTRY.fullmatch(path)}
    for kind, parts in _PARTS.items():
        for at, entry in enumerate(_entries(fields, kind, parts)):
            kept |= {f"profile.{kind}[{at}].{part}": entry.get(part, "") for part in parts}
    return kept


def rows_of(fields: Mapping[str, str], kind: str) -> range:
    """Return the numbers of the rows, with some to fill."""
    return range(len(_entries(fields, kind, _PARTS[kind])) + SPARE)


def _entries(fields: Mapping[str, str], kind: str, parts: tuple[str, ...]) -> list[dict[str, str]]:
    rows: dict[int, dict[str, str]] = {}
    for path, value in fields.items():
        found = _ENTRY.fullmatch(path)
        if found and found[1] == kind and found[3] in parts and value.strip():
            rows.setdefault(int(found[2]), {})[found[3]] = value.strip()
    return [rows[at] for at in sorted(rows)]


def _models(fields: Mapping[str, str], before: Site | None) -> dict[str, Any]:
    models: dict[str, Any] = {}
    for stage in STAGES:
        given = fields.get(f"models.{stage.value}", "").strip()
        known = before.models.get(stage) if before else None
        if given:
            is_kept = known is not None and given == _choice(known)
            models[stage.value] = known.model_dump() if known and is_kept else given
    return models


def _choice(choice: ModelChoice) -> str:
    return f"{choice.provider}:{choice.model}" if choice.model else choice.provider


def _put(tables: dict[str, Any], path: str, value: object) -> None:
    table, _, name = path.rpartition(".")
    (tables[table] if table else tables)[name] = value


def _get(site: Site, path: str) -> object:
    table, _, name = path.rpartition(".")
    return getattr(getattr(site, table) if table else site, name)


def _whole(given: str) -> int | str:
    return int(given) if re.fullmatch(r"-?\d{1,9}", given) else given


def _shown(value: object) -> str:
    if value is None:
        return ""
    return duration(value) if isinstance(value, timedelta) else str(value)
