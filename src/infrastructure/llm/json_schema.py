"""JSON schemas that both vendors accept.

Anthropic's SDK has such a function, but importing that package costs a second and 50 MB.
"""

from functools import cache
from typing import Any

from pydantic import BaseModel

_UNDERSTOOD = {"$defs", "type", "enum", "description", "title", "properties", "required", "items"}  # by both


@cache
def json_schema(artefact: type[BaseModel]) -> dict[str, Any]:
    """Return the strict schema of ``artefact``.

    Lengths and ranges become descriptions, so check them afterwards.

    The result is shared: never change it.
    """
    return _strict(artefact.model_json_schema())


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    strict = {key: value for key, value in schema.items() if key in _UNDERSTOOD}
    for key in {"$defs", "properties"} & strict.keys():
        strict[key] = {name: _strict(part) for name, part in schema[key].items()}
    if "items" in strict:
        strict["items"] = _strict(schema["items"])
    if "properties" in strict:
        strict["additionalProperties"] = False
    limits = [f"{key}: {value}" for key, value in schema.items() if key not in {*_UNDERSTOOD, "additionalProperties"}]
    if limits:
        limits_text = "{" + ", ".join(limits) + "}"
        strict["description"] = "\n\n".join(filter(None, [schema.get("description"), limits_text]))
    return strict
