"""The terminal's wording of errors.

Options by their names, and the command that helps.
"""

from collections import defaultdict
from collections.abc import Mapping

from src.domain.errors import (
    Hint,
    InputInvalid,
    LongtailError,
    NotFound,
    SearchAttributesMissing,
    SettingsInvalid,
    problem_of_input,
)

OPTIONS = {
    "article": "ARTICLE",
    "at": "--at",
    "batch": "BATCH",
    "cadence": "--cadence",
    "catch_up": "--catch-up",
    "colour": "--colour",
    "hash": "HASH",
    "ends_at": "--end",
    "keyword": "--keyword",
    "note": "--note",
    "publish": "--publish",
    "reason": "--reason",
    "forced": "--force",
    "time_zone": "--time-zone",
    "until": "--until",
    "weekdays": "--on",
    "when": "--daily",
}
"""Fields of the domain that the command line calls by another name."""

_HINTS = {
    Hint.ADD_SEARCH_ATTRIBUTES: "add them: temporal operator search-attribute create --namespace {key} {columns}",
    Hint.ADD_SITE: "add one: longtail site add FILE.toml",
    Hint.ADD_USER: "add the first one: longtail user add NAME --role admin",
    Hint.APPROVE_ALONE: "nothing was decided; without --publish it is approved: longtail review approve {key} HASH",
    Hint.CANCEL_BATCH: "wait for its end, or cancel the batch: longtail batch list, longtail batch cancel BATCH",
    Hint.CHANGE_BASE_URL: "give {key} a base_url of its own in its file, then: longtail site add FILE.toml",
    Hint.CHECK_SERVER: "to run one on this machine instead, unset TEMPORAL_ADDRESS",
    Hint.CHOOSE_MODEL: "name another under [models] of the site's file, then: longtail site add FILE.toml",
    Hint.ENABLE_USER: "an admin can change that: longtail user enable {key}",
    Hint.DRAIN_FIRST: "drain their colour and stop them (longtail deploy drain COLOUR), or say --force",
    Hint.FINISH_DEPLOYMENT: "go on with it: longtail deploy {kind} {key}; or give it up: longtail deploy rollback",
    Hint.FORCE_PUBLICATION: "an admin can publish it, as noindex: longtail publish now {key} --force REASON",
    Hint.FREE_ADDRESS: "take that one off the site: longtail publish off {other}; then: longtail publish now {key}",
    Hint.GIVE_SCHEDULE_TIMES: "write --daily 06:00, --cron, --calendar or --every",
    Hint.GRANT_ROLE: "an admin can grant it: longtail user role NAME ROLE, with --site SITE for one site",
    Hint.IMPORT_LONGTAILS: "import some: longtail keywords import {key} FILE",
    Hint.LIST_ARTICLES: "see: longtail article list",
    Hint.LIST_BATCHES: "see: longtail batch list",
    Hint.LIST_LONGTAILS: "see: longtail keywords list SITE",
    Hint.LIST_PUBLICATIONS: "see longtail publish status --site {key}; take each off: longtail publish off ARTICLE",
    Hint.LIST_TOKENS: "see: longtail user token list NAME",
    Hint.LIST_USERS: "see: longtail user list",
    Hint.NAME_PERSON: "say who you are: longtail --as NAME, or have yourself added with --os-user",
    Hint.PROMOTE_OTHER: "promote the other one first: longtail deploy promote COLOUR",
    Hint.PUBLISH: "publish it later: longtail publish now {key}",
    Hint.PUBLISH_AS_RENDERED: "see longtail article html {key}, then: longtail publish now {key} --as-rendered",
    Hint.REGENERATE_FROM_STAGE: "make a stage and those after it again: longtail article retry ARTICLE --from STAGE",
    Hint.REMOVE_SCHEDULE: "remove it first: longtail schedule remove {key}",
    Hint.REPAIR_SCHEDULE: "deleted there? longtail schedule sync {key} --repair",
    Hint.REPEAT: "repeat the command",
    Hint.REPLACE_DATABASE: "back it up first, then: longtail db restore FILE --replace",
    Hint.SET_SCHEDULE: "set one: longtail schedule set {key} --daily 06:00",
    Hint.SHOW_ARTICLE: "see: longtail article show {key}",
    Hint.SHOW_PUBLICATIONS: "see: longtail publish status {key}",
    Hint.SHOW_REVIEW: "see: longtail review show {key}",
    Hint.SHOW_SITES: "see: longtail site list",
    Hint.STOP_WORKERS: "stop them first, or wait a minute after one was killed",
    Hint.TAKE_OFF: "take it off the site: longtail publish off {key}",
    Hint.TAKE_OVER_REVIEW: "take it over: longtail review claim {key} --take-over",
    Hint.UPGRADE_DATABASE: "run: longtail db upgrade",
    Hint.WAIVE_FINDING: "mend it, or accept it with a reason: longtail review waive {key} NUMBER HASH --reason TEXT",
}


def worded(error: LongtailError) -> str:
    """Return one line for a terminal.

    The problem, then what to do next.
    """
    return "; ".join(part for part in (_problem(error), _known(error), hint(error)) if part)


def hint(error: LongtailError) -> str | None:
    """Return the command that helps, if the error knows one."""
    if error.hint is None:
        return None
    if isinstance(error, SearchAttributesMissing):
        columns = " ".join(f"--name {name} --type Keyword" for name in error.names)
        return hint_words(error.hint, error.key, {"columns": columns})
    key = error.article if isinstance(error, NotFound) else None  # what the part is looked for in
    return hint_words(error.hint, str(key or getattr(error, "key", "")), getattr(error, "details", {}))


def hint_words(code: Hint, key: str, details: Mapping[str, str]) -> str:
    """Return the command that helps, for what has this key."""
    return _HINTS[code].format_map(defaultdict(str, details, key=key))


def _problem(error: LongtailError) -> str:
    match error:
        case InputInvalid():
            return f"{OPTIONS.get(error.field, error.field)}: {problem_of_input(error.value, error.remedy)}"
        case SettingsInvalid():
            return f"{error.message} (see .env.example)"
        case _:
            return error.message


def _known(error: LongtailError) -> str | None:
    return f"there are: {', '.join(error.known)}" if isinstance(error, NotFound) and error.known else None
