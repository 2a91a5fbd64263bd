"""One JSON schema that both vendors take."""

from functools import cache
from typing import Any

from anthropic import transform_schema
from pydantic import BaseModel


@cache
def json_schema(artefact: type[BaseModel]) -> dict[str, Any]:
    """Return the strict schema of ``artefact``; lengths and ranges become descriptions, so check them afterwards.

    The result is shared: never change it.
    """
    return _with_enum_types(transform_schema(artefact))


def _with_enum_types(schema: dict[str, Any]) -> dict[str, Any]:
    # transform_schema drops the type beside an enum, and OpenAI's strict mode rejects a property without one.
    typed: dict[str, Any] = {key: _walk(value) for key, value in schema.items()}
    if "type" not in typed and all(isinstance(value, str) for value in typed.get("enum", [None])):
        typed["type"] = "string"
    return typed


def _walk(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return _with_enum_types(value)
    return [_walk(item) for item in value] if isinstance(value, list) else value
