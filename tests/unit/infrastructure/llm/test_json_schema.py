"""Our schemas are those of Anthropic's SDK, but for the type beside an enumeration, which OpenAI insists on."""

from typing import Any

import pytest
from anthropic import transform_schema

from src.agents.answers import Draft, KeywordAnalysis, Outline, SeoMetadata
from src.domain.stages import Artefact
from src.infrastructure.llm.json_schema import json_schema

ARTEFACTS = [KeywordAnalysis, Outline, Draft, SeoMetadata]


def untyped_enums(schema: Any) -> Any:
    if isinstance(schema, list):
        return [untyped_enums(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: untyped_enums(part) for key, part in schema.items() if not (key == "type" and "enum" in schema)}


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_a_schema_says_what_the_vendor_would_make_of_it(artefact: type[Artefact]) -> None:
    assert untyped_enums(json_schema(artefact)) == untyped_enums(transform_schema(artefact))


def test_an_enumeration_keeps_its_type() -> None:
    assert json_schema(KeywordAnalysis)["$defs"]["Intent"]["type"] == "string"
