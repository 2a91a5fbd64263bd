"""What models are sent of the artefacts' types: a change makes a new question of every paid one."""

import hashlib
import json

import pytest

from src.agents.answers import KeywordAnalysis, Outline, SeoMetadata
from src.domain.stages import Artefact


@pytest.mark.parametrize(
    ("artefact", "digest"),
    [(KeywordAnalysis, "da7878c4749fbfb1"), (Outline, "22b130adbf34e9c3"), (SeoMetadata, "b339bebbd04a33c8")],
)
def test_the_schema_of_a_stage_is_the_one_that_was_paid_for(artefact: type[Artefact], digest: str) -> None:
    schema = json.dumps(artefact.model_json_schema(), sort_keys=True)
    assert hashlib.sha256(schema.encode()).hexdigest()[:16] == digest
