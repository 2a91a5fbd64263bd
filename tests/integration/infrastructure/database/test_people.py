"""People, roles and tokens: what changes counts from the next request on."""

import logging
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from src.application.api_tokens import create_token, list_tokens, revoke_token
from src.application.keywords import import_keywords
from src.application.people import add_person, change_role, get_person, identify, list_people, set_disabled
from src.application.sites import add_site, remove_site
from src.domain.api_token import CreatedToken
from src.domain.errors import Conflict, ConflictReason, InputInvalid, NotAuthenticated, NotFound, NotPermitted
from src.domain.permissions import Action
from src.domain.person import Grant, Role
from src.domain.principal import Origin, Principal
from src.infrastructure.authentication.tokens import TokenAuthentication
from src.infrastructure.database.unit_of_work import Database
from src.intake import keyword_list
from tests.applications import ANNA
from tests.factories import a_site

ADMIN = Grant(role=Role.ADMIN, site=None)
DAY = timedelta(days=1)


async def add_admin(database: Database) -> Principal:
    await add_person(database, "anna", ADMIN, by=ANNA, os_user="ann")
    return await identify(database, name="anna", os_user=None, address="ann@here")


async def ask(database: Database, created: CreatedToken) -> Principal:
    return await TokenAuthentication(database).authenticate(created.secret, origin=Origin.API, address="10.0.0.7")


async def test_without_users_the_operating_systems_user_owns_the_machine(fresh: Database) -> None:
    owner = await identify(fresh, name=None, os_user="ann", address="ann@here")
    assert (owner.name, owner.person, owner.may(Action.USER_ADD, None)) == ("ann@here", None, True)
    with pytest.raises(NotFound):
        await identify(fresh, name="anna", os_user="ann", address="ann@here")


async def test_with_users_the_person_is_named_or_mapped_and_nobody_else_acts(fresh: Database) -> None:
    await add_admin(fresh)
    mapped = await identify(fresh, name=None, os_user="ann", address="ann@here")
    assert (mapped.name, mapped.address, mapped.origin) == ("anna", "ann@here", Origin.COMMAND_LINE)
    for name, os_user in (("bert", "ann"), (None, "root"), (None, None)):
        with pytest.raises(NotFound) as refused:
            await identify(fresh, name=name, os_user=os_user, address="there")
        assert refused.value.known == ("anna",)


async def test_the_first_user_is_an_admin_of_all_sites(fresh: Database) -> None:
    await add_site(fresh, a_site(), by=ANNA)
    for grants in ([], [Grant(role=Role.VIEWER, site=None)], [Grant(role=Role.ADMIN, site="hardware-shop")]):
        with pytest.raises(InputInvalid, match="first user"):
            await add_person(fresh, "anna", *grants, by=ANNA)
    assert await list_people(fresh, by=ANNA) == []


async def test_the_last_admin_stays_one(fresh: Database) -> None:
    anna = await add_admin(fresh)
    with pytest.raises(Conflict) as kept:
        await set_disabled(fresh, "anna", by=anna, disabled=True)
    assert kept.value.reason is ConflictReason.LAST_ADMIN
    with pytest.raises(Conflict, match="last who can appoint"):
        await change_role(fresh, "anna", ADMIN, by=anna, withdraw=True)
    await add_person(fresh, "bert", ADMIN, by=anna)
    assert (await set_disabled(fresh, "anna", by=anna, disabled=True)).disabled_at is not None
    with pytest.raises(Conflict, match="anna is disabled"):
        await identify(fresh, name="anna", os_user=None, address="here")


async def test_names_and_users_of_the_operating_system_are_taken_once(fresh: Database) -> None:
    anna = await add_admin(fresh)
    with pytest.raises(Conflict) as refused:
        await add_person(fresh, "anna", by=anna)
    assert refused.value.reason is ConflictReason.USER_EXISTS
    with pytest.raises(InputInvalid, match="is anna already"):
        await add_person(fresh, "bert", by=anna, os_user="ann")
    with pytest.raises(InputInvalid):
        await add_person(fresh, "bert", by=anna, email="bert at example")
    with pytest.raises(NotFound):
        await add_person(fresh, "bert", Grant(role=Role.VIEWER, site="nowhere"), by=anna)


async def test_a_role_is_given_and_taken_on_each_site_named_or_on_none(fresh: Database) -> None:
    anna = await add_admin(fresh)
    shops = ("garden-shop", "hardware-shop")
    for slug in shops:
        await add_site(fresh, a_site(slug=slug, base_url=f"https://{slug}.example"), by=anna)
    reviews, views = ([Grant(role=role, site=slug) for slug in shops] for role in (Role.REVIEWER, Role.VIEWER))
    added = await add_person(fresh, "carl", *reviews, reviews[0], by=anna)
    assert set(added.grants) == set(reviews)
    with pytest.raises(NotFound):
        await change_role(fresh, "carl", *views, Grant(role=Role.VIEWER, site="nowhere"), by=anna)
    assert (await get_person(fresh, "carl", by=anna)).grants == added.grants
    assert set((await change_role(fresh, "carl", reviews[0], *views, by=anna)).grants) == {*reviews, *views}
    assert set((await change_role(fresh, "carl", *reviews, by=anna, withdraw=True)).grants) == set(views)


async def test_a_role_on_one_site_counts_there_alone_and_ends_with_the_site(fresh: Database) -> None:
    anna = await add_admin(fresh)
    for slug in ("hardware-shop", "garden-shop"):
        await add_site(fresh, a_site(slug=slug, base_url=f"https://{slug}.example"), by=anna)
    there = Grant(role=Role.OPERATOR, site="hardware-shop")
    await add_person(fresh, "bert", there, by=anna)
    bert = await identify(fresh, name="bert", os_user=None, address="here")
    keywords = keyword_list.read(b"how to fix a leaky tap\n", file="list.txt")
    assert (await import_keywords(fresh, "hardware-shop", keywords, by=bert, source="list.txt")).added == 1
    with pytest.raises(NotPermitted, match=r"keywords\.import on site 'garden-shop'"):
        await import_keywords(fresh, "garden-shop", keywords, by=bert, source="list.txt")
    with pytest.raises(NotPermitted):
        await list_people(fresh, by=bert)
    await remove_site(fresh, "hardware-shop", by=anna, dry_run=False)
    assert (await get_person(fresh, "bert", by=anna)).grants == ()


async def test_a_token_says_who_asks_and_every_change_counts_at_the_next_request(fresh: Database) -> None:
    anna = await add_admin(fresh)
    await add_site(fresh, a_site(), by=anna)
    role = Grant(role=Role.OPERATOR, site=None)
    await add_person(fresh, "bert", role, by=anna)
    created = await create_token(fresh, "bert", "ci", by=anna, site="hardware-shop", lifetime=DAY)
    asking = await ask(fresh, created)
    assert (asking.name, asking.token, asking.address, asking.origin) == ("bert", "bert/ci", "10.0.0.7", Origin.API)
    assert asking.may(Action.BATCH_START, "hardware-shop")
    assert not asking.may(Action.BATCH_START, None)
    await change_role(fresh, "bert", role, by=anna, withdraw=True)
    assert not (await ask(fresh, created)).may(Action.BATCH_START, "hardware-shop")
    await set_disabled(fresh, "bert", by=anna, disabled=True)
    await refused(fresh, created, "disabled")
    await set_disabled(fresh, "bert", by=anna, disabled=False)
    await ask(fresh, created)
    await revoke_token(fresh, "bert", "ci", by=anna)
    await refused(fresh, created, "revoked")


async def test_a_token_expires_and_its_name_is_free_once_it_is_revoked(fresh: Database) -> None:
    anna = await add_admin(fresh)
    old = await create_token(fresh, "anna", "ci", by=anna, lifetime=timedelta(microseconds=1))
    await refused(fresh, old, "expired")
    with pytest.raises(Conflict, match="anna/ci exists"):
        await create_token(fresh, "anna", "ci", by=anna, lifetime=None)
    await revoke_token(fresh, "anna", "ci", by=anna)
    new = await create_token(fresh, "anna", "ci", by=anna, lifetime=None)
    assert (await ask(fresh, new)).name == "anna"
    listed = await list_tokens(fresh, "anna", by=anna)
    assert [each.revoked_at is None for each in listed] == [False, True]
    assert listed[1].last_used_at is not None
    with pytest.raises(NotFound):
        await revoke_token(fresh, "anna", "other", by=anna)


async def test_a_token_reaches_no_further_than_its_person_and_may_reach_less_far(fresh: Database) -> None:
    anna = await add_admin(fresh)
    await add_person(fresh, "bert", Grant(role=Role.VIEWER, site=None), by=anna)
    with pytest.raises(InputInvalid, match="roles of bert there do not reach so far"):
        await create_token(fresh, "bert", "ci", by=anna, scopes=(Role.ADMIN,), lifetime=DAY)
    reading = await create_token(fresh, "anna", "reads", by=anna, scopes=(Role.VIEWER,), lifetime=DAY)
    asking = await ask(fresh, reading)
    assert (asking.may(Action.SITE_READ, "shop"), asking.may(Action.BATCH_START, "shop")) == (True, False)


async def test_an_unknown_token_is_refused(fresh: Database) -> None:
    for credential in ("", "longtail_guess", "x" * 10_000):
        with pytest.raises(NotAuthenticated) as error:
            await TokenAuthentication(fresh).authenticate(SecretStr(credential), origin=Origin.API, address=None)
        assert error.value.problem == "unknown"


async def test_a_secret_is_in_no_log_no_repr_no_row_and_no_event(
    fresh: Database, caplog: pytest.LogCaptureFixture
) -> None:
    anna = await add_admin(fresh)
    with caplog.at_level(logging.DEBUG):
        created = await create_token(fresh, "anna", "ci", by=anna, lifetime=DAY)
        asking = await ask(fresh, created)
    secret = created.secret.get_secret_value()
    assert len(secret) > 43  # 256 bits, and the prefix
    async with fresh.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM api_tokens"))).all()
        events = (await connection.execute(text("SELECT * FROM audit_events"))).all()
    for told in (caplog.text, repr(created), str(created), repr(asking), repr(rows), repr(events)):
        assert secret not in told
        assert secret.removeprefix("longtail_") not in told


async def refused(database: Database, created: CreatedToken, problem: str) -> None:
    with pytest.raises(NotAuthenticated) as error:
        await ask(database, created)
    assert error.value.problem == problem
