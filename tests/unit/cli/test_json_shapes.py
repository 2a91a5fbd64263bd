"""The documents that ``--json`` prints: scripts rely on their keys and types.

A change here is a change for scripts: it belongs into CHANGELOG.md. ``python -m tests.unit.cli.test_json_shapes``
writes the shapes again.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.json_documents import DOCUMENTS

FILE = Path(__file__).with_name("json_shapes.json")


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
