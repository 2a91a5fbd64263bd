"""The documents that ``--json`` prints: scripts rely on their keys and types.

A change here is a change for scripts: it belongs into CHANGELOG.md. ``python -m tests.unit.cli.test_json_shapes``
writes the shapes again.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from src.application.articles import ArticleDetails
from src.application.batches import BatchDetails
from src.application.gaps import SlotList
from src.application.keywords import ImportReport, LongtailList
from src.application.schedule_drift import DriftReport
from src.domain.article import Article
from src.domain.batch import Batch
from src.domain.hold import Hold
from src.domain.scheduling.backfill import BackfilledSlot, BackfillPlan
from src.domain.scheduling.forecast import Forecast
from src.domain.scheduling.schedule import ScheduleState
from src.domain.site import Site
from src.infrastructure.database.audit import AuditEvent
from src.infrastructure.database.watchdog import Alert

FILE = Path(__file__).with_name("json_shapes.json")

DOCUMENTS: dict[str, Any] = {
    "site list": list[Site],
    "site show": Site,
    "keywords import": ImportReport,
    "keywords list": LongtailList,
    "batch list": list[Batch],
    "batch show": BatchDetails,
    "article list": list[Article],
    "article show": ArticleDetails,
    "hold list": list[Hold],
    "schedule list": list[ScheduleState],
    "schedule show": ScheduleState,
    "schedule history": list[AuditEvent],
    "schedule backfill": BackfillPlan,
    "schedule backfill --wait": list[BackfilledSlot],
    "schedule gaps": SlotList,
    "schedule sync": DriftReport,
    "schedule forecast": Forecast,
    "schedule alerts": list[Alert],
}


def shape(document: Any) -> object:
    """Return keys and types of a document, references resolved."""
    schema = TypeAdapter(document).json_schema(mode="serialization")
    return _resolved(schema, schema.get("$defs", {}))


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> object:
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "anyOf" in schema:
        return " or ".join(sorted(_text(_resolved(each, definitions)) for each in schema["anyOf"]))
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "properties" in schema:
        return {name: _resolved(each, definitions) for name, each in schema["properties"].items()}
    if schema.get("type") == "array":
        return [_resolved(schema.get("items", {}), definitions)]
    return " ".join(filter(None, (schema.get("type", "any"), schema.get("format"))))


def _text(resolved: object) -> str:
    return resolved if isinstance(resolved, str) else json.dumps(resolved)


@pytest.mark.parametrize("command", DOCUMENTS)
def test_a_document_keeps_its_shape(command: str) -> None:
    assert shape(DOCUMENTS[command]) == json.loads(FILE.read_text("utf-8"))[command]


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: shape(each) for name, each in DOCUMENTS.items()}, indent=1) + "\n", "utf-8")
