"""``docs/permissions.csv`` and the code say the same of every action, role and relation to the site."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from src.domain.errors import InputInvalid, NotPermitted
from src.domain.permissions import ALLOWED, Action
from src.domain.person import Grant, Person, Role, parse_name, parse_text
from src.domain.principal import Origin, Principal

FILE = Path(__file__).parents[3] / "docs" / "permissions.csv"
HERE, ELSEWHERE = "shop", "garden"

# Which site a role is for, and which one is acted on; None is all of them.
RELATIONS: dict[str, tuple[str | None, str | None]] = {
    "own_site": (HERE, HERE),
    "other_site": (ELSEWHERE, HERE),
    "all_sites": (None, HERE),
    "installation": (None, None),
}


def rows() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def a_person(*grants: Grant, disabled: bool = False) -> Person:
    now = datetime.now(UTC)
    return Person(
        name="anna",
        display_name="Anna",
        email=None,
        os_user=None,
        disabled_at=now if disabled else None,
        created_at=now,
        grants=grants,
    )


def by_token(*grants: Grant, scopes: frozenset[Role] = frozenset(Role), site: str | None = None) -> Principal:
    return Principal(
        name="anna", origin=Origin.API, token="anna/ci", person=a_person(*grants), scopes=scopes, site=site
    )


def test_every_action_and_role_has_exactly_one_line() -> None:
    lines = [(row["action"], row["role"]) for row in rows()]
    assert sorted(lines) == sorted((action.value, role.value) for action in Action for role in Role)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['action']} {row['role']}")
def test_the_code_allows_what_the_line_allows(row: dict[str, str]) -> None:
    said = {relation: row[relation] for relation in RELATIONS}
    coded = {}
    for relation, (granted, site) in RELATIONS.items():
        person = a_person(Grant(role=Role(row["role"]), site=granted))
        coded[relation] = "yes" if person.may(Action(row["action"]), site) else "no"
    assert coded == said


@pytest.mark.parametrize("action", Action)
def test_a_role_for_one_site_never_reaches_all_of_them(action: Action) -> None:
    assert not a_person(*(Grant(role=role, site=HERE) for role in Role)).may(action, None)


@pytest.mark.parametrize("action", Action)
def test_who_is_disabled_or_has_no_role_may_do_nothing(action: Action) -> None:
    for person in (a_person(Grant(role=Role.ADMIN, site=None), disabled=True), a_person()):
        assert not person.may(action, HERE)
        assert not person.may(action, None)


@pytest.mark.parametrize("action", Action)
def test_a_token_reaches_no_further_than_its_scopes_its_site_and_its_person(action: Action) -> None:
    everything = Grant(role=Role.ADMIN, site=None)
    assert not by_token(everything, scopes=frozenset()).may(action, HERE)
    assert not by_token(everything, site=ELSEWHERE).may(action, HERE)
    assert not by_token(everything, site=HERE).may(action, None)
    assert not by_token(scopes=frozenset(Role)).may(action, HERE)
    narrowed = by_token(everything, scopes=frozenset({Role.VIEWER}))
    assert narrowed.may(action, HERE) is (action in (Action.SITE_READ, Action.USER_LOG_IN))
    assert by_token(everything).may(action, HERE)


def test_a_token_for_one_site_may_not_use_what_concerns_none_even_when_the_site_is_named() -> None:
    assert not by_token(Grant(role=Role.ADMIN, site=None), site=HERE).may(Action.USER_ADD, HERE)


def test_a_refusal_names_who_what_where_and_the_roles() -> None:
    with pytest.raises(NotPermitted) as refused:
        by_token(Grant(role=Role.VIEWER, site=HERE)).require(Action.BATCH_START, HERE)
    assert refused.value.facts == {
        "who": "anna/ci",
        "action": "batch.start",
        "site": HERE,
        "roles": ("operator", "admin"),
    }


def test_nobody_needs_more_than_one_role_and_admins_need_no_other() -> None:
    assert ALLOWED.keys() == set(Action)
    assert all(Role.ADMIN in roles for roles in ALLOWED.values())


@pytest.mark.parametrize("name", ["", "Anna", "anna b", "-a", "ä", "a" * 65, "a\n", "a/b"])
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(InputInvalid):
        parse_name(name)


@pytest.mark.parametrize("text", ["", "   ", "a\x00b", "x" * 121, "\u202e"])
def test_a_text_that_nobody_can_see_is_refused(text: str) -> None:
    with pytest.raises(InputInvalid):
        parse_text(text, "display_name")
