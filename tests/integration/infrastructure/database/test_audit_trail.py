"""The audit trail only grows, has no holes, and says what is."""

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from src.application import audit
from src.application.api_tokens import create_token
from src.application.audit import AuditReport
from src.application.databases import downgrade_database, upgrade_database
from src.application.keywords import import_keywords, requeue_keywords
from src.application.people import add_person, change_role, identify, set_disabled
from src.application.sites import add_site, remove_site
from src.cli.audit import _Form, _write
from src.domain.errors import NotPermitted
from src.domain.hold import HoldDepth
from src.domain.paging import Excerpt, NumberPosition
from src.domain.permissions import Action
from src.domain.person import Grant, Role
from src.domain.principal import Principal
from src.infrastructure.database import schema
from src.infrastructure.database.audit import AuditEvent, Hole
from src.infrastructure.database.unit_of_work import Database
from src.intake import keyword_list
from tests.applications import ANNA
from tests.factories import a_site

ADMIN = Grant(role=Role.ADMIN, site=None)


async def events(database: Database, *, by: Principal = ANNA, site: str | None = None) -> list[AuditEvent]:
    return [event async for event in audit.export(database, by=by, site=site)]


async def run(database: Database, sql: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text(sql))


async def record(database: Database, subject: str = "shop") -> None:
    async with database.unit_of_work() as uow:
        await uow.audit.record(Action.SITE_UPDATE, subject, by=ANNA, site=subject)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_events SET who = 'nobody'",
        "UPDATE audit_events SET who = 'nobody' WHERE false",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
    ],
)
async def test_the_database_refuses_to_change_what_was_recorded(fresh: Database, change: str) -> None:
    await record(fresh)
    with pytest.raises(DBAPIError, match="audit trail is never changed"):
        await run(fresh, change)
    assert [event.who for event in await events(fresh)] == ["anna"]


async def test_a_transaction_that_is_rolled_back_leaves_no_hole(fresh: Database) -> None:
    await record(fresh)
    async with fresh.unit_of_work(autocommit=False) as uow:
        await uow.audit.record(Action.SITE_UPDATE, "shop", by=ANNA)
    await record(fresh)
    assert [event.number for event in await events(fresh)] == [1, 2]


async def test_many_who_record_at_once_get_numbers_without_holes_in_the_order_of_time(fresh: Database) -> None:
    async def sometimes(at: int) -> None:
        async with fresh.unit_of_work(autocommit=at % 3 > 0) as uow:
            await uow.audit.record(Action.SITE_UPDATE, f"shop-{at}", by=ANNA)

    await asyncio.gather(*(sometimes(at) for at in range(30)))
    found = await events(fresh)
    assert [event.number for event in found] == list(range(1, 21))
    assert [event.at for event in found] == sorted(event.at for event in found)


async def test_the_version_before_still_records_and_gets_a_number(fresh: Database) -> None:
    await record(fresh)
    old = "INSERT INTO audit_events (id, who, action, noun, subject) VALUES (gen_random_uuid(), 'b', 'set', 'x', 's')"
    await run(fresh, old)
    assert [(event.number, event.origin) for event in await events(fresh)] == [(1, "command line"), (2, None)]


async def test_an_event_tells_who_by_which_token_from_where(fresh: Database) -> None:
    await add_person(fresh, "anna", ADMIN, by=ANNA)
    anna = await identify(fresh, name="anna", os_user="ann", address="ann@here")
    await add_site(fresh, a_site(), by=anna.model_copy(update={"token": "anna/ci", "origin": "api"}))
    *_, event = await events(fresh)
    assert (event.who, event.token, event.origin, event.address) == ("anna", "anna/ci", "api", "ann@here")
    assert (event.noun, event.action, event.subject, event.site) == ("site", "add", "hardware-shop", "hardware-shop")
    assert event.before is None
    assert event.after == a_site().model_dump(mode="json")


async def test_every_write_without_temporal_records_one_event(fresh: Database) -> None:
    keywords = keyword_list.read(b"how to fix a leaky tap\n", file="list.txt")
    shop = "hardware-shop"
    writes: list[tuple[str, Callable[[], Awaitable[object]]]] = [
        ("user add", lambda: add_person(fresh, "anna", ADMIN, by=ANNA)),
        ("user add", lambda: add_person(fresh, "bert", by=ANNA)),
        ("user role", lambda: change_role(fresh, "bert", ADMIN, by=ANNA)),
        ("user disable", lambda: set_disabled(fresh, "bert", by=ANNA, disabled=True)),
        ("user enable", lambda: set_disabled(fresh, "bert", by=ANNA, disabled=False)),
        ("token create", lambda: create_token(fresh, "bert", "ci", by=ANNA, lifetime=None)),
        ("site add", lambda: add_site(fresh, a_site(), by=ANNA)),
        ("site update", lambda: add_site(fresh, a_site(name="Bolt & Nut"), by=ANNA)),
        ("keywords import", lambda: import_keywords(fresh, shop, keywords, by=ANNA, source="list.txt")),
        ("keywords requeue", lambda: requeue_keywords(fresh, shop, [], by=ANNA)),
        ("site remove", lambda: remove_site(fresh, shop, by=ANNA, dry_run=False)),
    ]
    for said, write in writes:
        before = len(await events(fresh))
        await write()
        (new,) = (await events(fresh))[before:]
        assert f"{new.noun} {new.action}" == said
    unchanged: list[Callable[[], Awaitable[object]]] = [
        lambda: change_role(fresh, "bert", ADMIN, by=ANNA),
        lambda: set_disabled(fresh, "bert", by=ANNA, disabled=False),
    ]
    for write in unchanged:
        await write()
    assert len(await events(fresh)) == len(writes)
    assert (await verified(fresh)).is_sound


async def test_a_dry_run_records_nothing(fresh: Database) -> None:
    await add_site(fresh, a_site(), by=ANNA)
    keywords = keyword_list.read(b"how to fix a leaky tap\n", file="list.txt")
    await import_keywords(fresh, "hardware-shop", keywords, by=ANNA, source="list.txt", dry_run=True)
    await remove_site(fresh, "hardware-shop", by=ANNA, dry_run=True)
    assert len(await events(fresh)) == 1


async def test_a_migration_by_command_is_recorded_and_one_that_does_nothing_is_not(fresh: Database) -> None:
    await upgrade_database(fresh, by=ANNA)
    assert await events(fresh) == []
    newest = await schema.find_revision(fresh.engine)
    await downgrade_database(fresh, "0007", by=ANNA)
    await upgrade_database(fresh, by=ANNA)
    assert [(event.action, event.before, event.after) for event in await events(fresh)] == [
        ("downgrade", {"revision": newest}, {"revision": "0007"}),
        ("upgrade", {"revision": "0007"}, {"revision": newest}),
    ]


async def verified(database: Database) -> AuditReport:
    return await audit.verify(database, by=ANNA)


async def test_a_site_that_goes_takes_its_hold_roles_and_tokens_with_events_of_theirs(fresh: Database) -> None:
    shop = "hardware-shop"
    await add_site(fresh, a_site(), by=ANNA)
    await add_person(fresh, "anna", ADMIN, by=ANNA)
    await add_person(fresh, "bert", Grant(role=Role.OPERATOR, site=shop), by=ANNA)
    await create_token(fresh, "bert", "ci", by=ANNA, site=shop, lifetime=None)
    async with fresh.unit_of_work() as uow:
        await uow.holds.upsert(shop, depth=HoldDepth.CALLS, note="why", by="anna")
        await uow.audit.record(
            Action.HOLD_SET, shop, by=ANNA, site=shop, after={"depth": HoldDepth.CALLS.value, "note": "why"}
        )
    assert (await verified(fresh)).is_sound
    await remove_site(fresh, shop, by=ANNA, dry_run=False)
    await add_site(fresh, a_site(), by=ANNA)
    assert [f"{event.noun} {event.action}" for event in (await events(fresh))[-5:]] == [
        "hold release",
        "user role",
        "token revoke",
        "site remove",
        "site add",
    ]
    assert (await verified(fresh)).is_sound


async def test_verifying_names_what_was_changed_behind_the_trail(fresh: Database) -> None:
    await add_site(fresh, a_site(), by=ANNA)
    await add_person(fresh, "anna", ADMIN, by=ANNA)
    await add_person(fresh, "bert", ADMIN, by=ANNA)
    await create_token(fresh, "anna", "ci", by=ANNA, lifetime=None)
    await run(fresh, "UPDATE users SET disabled_at = now() WHERE name = 'bert'")
    await run(fresh, "UPDATE api_tokens SET scopes = '{viewer}'")
    await run(
        fresh,
        "INSERT INTO holds (id, site, depth, note, version, held_by) "
        "VALUES (gen_random_uuid(), NULL, 'calls', '', 1, 'mallory')",
    )
    report = await verified(fresh)
    assert [(each.noun, each.subject, each.number) for each in report.differences] == [
        ("hold", "*", None),
        ("user", "bert", 3),
        ("token", "anna/ci", 4),
    ]
    assert report.differences[0].found == {"depth": "calls", "note": ""}
    assert not report.is_sound


async def test_verifying_names_missing_numbers(fresh: Database) -> None:
    for _ in range(6):
        await record(fresh)
    await run(fresh, "ALTER TABLE audit_events DISABLE TRIGGER audit_events_refuse")
    await run(fresh, "DELETE FROM audit_events WHERE number IN (1, 3, 4)")
    report = await verified(fresh)
    assert report.holes == [Hole(first=1, last=1), Hole(first=3, last=4)]
    assert report.events == 3


async def test_only_who_may_reads_the_trail_and_of_one_site_if_the_role_is_for_one(
    fresh: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await add_site(fresh, a_site(), by=ANNA)
    await add_person(fresh, "anna", ADMIN, by=ANNA)
    await add_person(fresh, "bert", Grant(role=Role.OPERATOR, site="hardware-shop"), by=ANNA)
    bert = await identify(fresh, name="bert", os_user=None, address="here")
    assert [event.site for event in await events(fresh, by=bert, site="hardware-shop")] == ["hardware-shop"]
    for refused in (events(fresh, by=bert), audit.verify(fresh, by=bert)):
        with pytest.raises(NotPermitted):
            await refused
    await add_person(fresh, "vera", Grant(role=Role.VIEWER, site="hardware-shop"), by=ANNA)
    vera = await identify(fresh, name="vera", os_user=None, address="here")
    excerpt: Excerpt[NumberPosition] = Excerpt(limit=5)
    assert len((await audit.list_page(fresh, by=bert, excerpt=excerpt)).items) == 1
    with pytest.raises(NotPermitted):
        await audit.list_page(fresh, by=vera, excerpt=excerpt)
    with pytest.raises(NotPermitted):
        await _write(fresh, vera, _Form.CSV, since=None, site=None)
    assert capsys.readouterr().out == ""


async def test_an_export_is_complete_in_every_form_and_inert_in_spreadsheets(
    fresh: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    for at in range(1001):  # three pages
        await record(fresh, f"=cmd|{at}")
    printed = {}
    for form in _Form:
        await _write(fresh, ANNA, form, since=None, site=None)
        printed[form] = capsys.readouterr().out
    table = list(csv.DictReader(io.StringIO(printed[_Form.CSV], newline="")))
    assert [row["subject"] for row in table] == [f"'=cmd|{at}" for at in range(1001)]
    lines = [json.loads(line) for line in printed[_Form.LINES].splitlines()]
    assert [line["number"] for line in lines] == list(range(1, 1002))
    assert json.loads(printed[_Form.DOCUMENT]) == lines
    await _write(fresh, ANNA, _Form.DOCUMENT, since=datetime.now(UTC) + timedelta(days=1), site=None)
    assert json.loads(capsys.readouterr().out) == []
