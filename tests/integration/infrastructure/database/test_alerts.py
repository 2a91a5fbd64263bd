"""An alert begins with the first look that finds something, and ends with the first that does not."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from src.domain.alert import Alert, AlertKind, Finding
from src.infrastructure.database.alerts import Settled
from src.infrastructure.database.unit_of_work import Database
from tests.factories import SLOT, a_site, open_batch

from .test_queries import counted

STUCK, GONE, RISK, MISSING = (
    AlertKind.WORKFLOW_STUCK,
    AlertKind.BATCH_GONE,
    AlertKind.SLOT_AT_RISK,
    AlertKind.SLOT_MISSING,
)

PLAN_OF = """
    CREATE FUNCTION pg_temp.plan_of(statement text) RETURNS json LANGUAGE plpgsql AS $$
    DECLARE plan json;
    BEGIN
        EXECUTE 'EXPLAIN (GENERIC_PLAN, FORMAT JSON) ' || statement INTO plan;
        RETURN plan;
    END $$
"""


@pytest.fixture(autouse=True)
async def _site(database: Database) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())


def a_finding(subject: str = "w", kind: AlertKind = STUCK, site: str | None = "hardware-shop") -> Finding:
    return Finding(kind=kind, subject=subject, site=site, detail=f"{subject} is stuck")


def of_slot(kind: AlertKind, reason: str, slot: datetime = SLOT) -> Finding:
    finding = a_finding(f"hardware-shop {slot}", kind)
    return finding.model_copy(update={"slot": slot, "reason": reason, "detail": f"it is {reason}"})


async def settle(
    database: Database,
    *findings: Finding,
    kind: AlertKind = STUCK,
    patience: timedelta = timedelta(0),
    unchecked: tuple[str, ...] = (),
) -> Settled:
    return await database.run_in_transaction(
        lambda uow: uow.alerts.settle(kind, findings, patience=patience, unchecked=unchecked)
    )


async def alerts(database: Database, *, ended: bool = True) -> list[Alert]:
    async with database.unit_of_work() as uow:
        return await uow.alerts.list_all(ended=ended, limit=100)


async def test_it_is_opened_once_ended_once_and_opened_again(database: Database) -> None:
    first = await settle(database, a_finding())
    again = await settle(database, a_finding())
    assert ([alert.subject for alert in first.raised], again.raised) == (["w"], [])
    assert first.lasting == again.lasting == {"w"}
    (only,) = await alerts(database, ended=False)
    assert (only.kind, only.site, only.detail, only.until) == (STUCK, "hardware-shop", "w is stuck", None)
    await settle(database)
    await settle(database)
    (ended,) = await alerts(database)
    assert ended.until is not None
    assert await alerts(database, ended=False) == []
    assert (await settle(database, a_finding())).raised
    assert [alert.until is None for alert in await alerts(database)] == [True, False]


async def test_other_kinds_and_unchecked_sites_stay_as_they_are(database: Database) -> None:
    await settle(database, a_finding("w"))
    await settle(database, a_finding("b", GONE), kind=GONE)
    await settle(database, unchecked=("hardware-shop",))
    assert {alert.subject for alert in await alerts(database, ended=False)} == {"w", "b"}
    await settle(database, unchecked=("another-shop",))
    assert {alert.subject for alert in await alerts(database, ended=False)} == {"b"}


async def test_what_did_not_last_was_never_an_alert(database: Database) -> None:
    patience = timedelta(minutes=3)
    assert await settle(database, a_finding("w"), a_finding("v"), patience=patience) == Settled([], set())
    await settle(database, a_finding("w"), patience=patience)
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE watchdog_alerts SET since = since - interval '3 minutes'"))
    found = await settle(database, a_finding("w"), a_finding("v"), patience=patience)
    assert [alert.subject for alert in found.raised] == ["w"]
    assert found.lasting == {"w"}
    assert [alert.subject for alert in await alerts(database)] == ["w"]


async def test_a_site_that_was_removed_is_left_out(database: Database) -> None:
    await settle(database, a_finding(site="removed"))
    assert [alert.site for alert in await alerts(database)] == [None]


async def test_many_findings_are_settled_by_as_many_statements_as_few(database: Database) -> None:
    with counted(database) as few:
        await settle(database, a_finding())
    with counted(database) as many:
        await settle(database, *(a_finding(f"w{number}") for number in range(900)))
    assert len(many) == len(few) <= 5
    assert len(await alerts(database, ended=False)) == 100


async def test_a_missing_slot_takes_the_place_of_its_warning(database: Database) -> None:
    later = SLOT + timedelta(days=1)
    await settle(database, of_slot(RISK, "no_next_run"), of_slot(RISK, "no_next_run", later), kind=RISK)
    await settle(database, of_slot(MISSING, "not_started"), kind=MISSING)
    async with database.unit_of_work() as uow:
        found = await uow.alerts.list_of_slots("hardware-shop")
        coming = await uow.alerts.list_of_slots(first=later)
    assert [(alert.slot, alert.reason) for alert in found] == [(later, "no_next_run"), (SLOT, "not_started")]
    assert coming == found[:1]


async def test_a_warning_that_ended_before_its_slot_is_none(database: Database) -> None:
    past, future = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    await settle(database, of_slot(RISK, "paused", past), of_slot(RISK, "paused", future), kind=RISK)
    await settle(database, kind=RISK)
    async with database.unit_of_work() as uow:
        assert [alert.slot for alert in await uow.alerts.list_of_slots()] == [past]


async def test_what_is_unfinished_is_read_by_its_indexes(database: Database) -> None:
    """However much has ended, and in one statement each."""
    await open_batch(database)
    async with database.unit_of_work() as uow:
        listing = uow.unfinished
        with counted(database) as statements:
            for read in (listing.list_batches, listing.list_articles, listing.list_stranded, listing.list_open_calls):
                await read()
    async with database.engine.connect() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))  # these tables are too small for an index
        await connection.execute(text(PLAN_OF))
        for statement in statements:
            plan = await connection.scalar(text("SELECT pg_temp.plan_of(:statement)"), {"statement": statement})
            assert "Seq Scan" not in str(plan)
