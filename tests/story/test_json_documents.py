"""Every ``--json`` prints the document that is declared for it, with exactly its keys."""

import json
from collections.abc import AsyncIterator
from datetime import time
from typing import Any

import pytest
from pydantic import TypeAdapter

from src.bootstrap import Application
from src.domain.alert import AlertKind, Finding
from src.domain.colour import BLUE
from src.domain.hold import HoldDepth
from src.domain.probe import PROBE_KEYWORD, PROBE_SITE
from src.domain.scheduling.schedule_change import ScheduleChange
from src.infrastructure.database.unit_of_work import Database
from tests.factories import a_site, longtails, open_batch
from tests.json_documents import DOCUMENTS

from .conftest import Longtail

COMMANDS = {
    "site list": "site list",
    "site show": "site show hardware-shop",
    "keywords list": "keywords list hardware-shop",
    "batch list": "batch list",
    "batch show": "batch show {batch}",
    "article list": "article list",
    "article show": "article show {article}",
    "hold list": "hold list",
    "schedule list": "schedule list",
    "schedule show": "schedule show hardware-shop",
    "schedule history": "schedule history hardware-shop",
    "schedule backfill": "schedule backfill hardware-shop --from 2026-11-01 --to 2026-11-02 --dry-run",
    "schedule gaps": "schedule gaps hardware-shop",
    "schedule forecast": "schedule forecast hardware-shop",
    "schedule alerts": "schedule alerts hardware-shop",
    "alerts": "alerts --all",
    "deploy check": "deploy check --closed 0",
}


@pytest.fixture
async def ids(database: Database, application: Application) -> AsyncIterator[dict[str, object]]:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(2), source="test")
    batch_id, _ = await open_batch(database, limit=1)
    async with database.unit_of_work() as uow:
        (article,) = await uow.articles.list_all()
        await uow.holds.upsert("hardware-shop", depth=HoldDepth.ARTICLES, note="look", by="anna")
        stuck = Finding(kind=AlertKind.WORKFLOW_STUCK, subject="w", site="hardware-shop", detail="its tasks fail")
        await uow.alerts.settle(AlertKind.WORKFLOW_STUCK, [stuck])
    async with database.seeing_probes().unit_of_work() as uow:  # what no command shows
        await uow.probes.plant(BLUE, workflow_id="probe")
    await application.schedules.set("hardware-shop", ScheduleChange(times=(time(6),)))
    yield {"batch": batch_id, "article": article.id}
    await application.schedules.remove("hardware-shop")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_its_document(name: str, ids: dict[str, object], longtail: Longtail) -> None:
    printed = longtail.run(*COMMANDS[name].format(**ids).split(), "--json")
    assert PROBE_SITE not in printed.stdout
    assert PROBE_KEYWORD not in printed.stdout
    document: Any = TypeAdapter(DOCUMENTS[name]).validate_json(printed.stdout)
    again = TypeAdapter(DOCUMENTS[name]).dump_python(document, mode="json")
    assert keys(json.loads(printed.stdout)) == keys(again)


def keys(document: object) -> object:
    match document:
        case dict():
            return {name: keys(value) for name, value in document.items()}
        case list():
            return [keys(value) for value in document]
        case _:
            return None
