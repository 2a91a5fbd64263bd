"""The stages, and the artefacts that histories and the database keep."""

from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter

from src.domain.stages import STAGES, Artefact, Draft, KeywordAnalysis, Outline, SeoMetadata, Stage
from tests.answers import a_description, an_analysis, an_outline

LONG = "long " * 500


def test_the_stages_come_in_their_order_and_have_names_for_people() -> None:
    assert [stage.value for stage in STAGES] == ["A", "B", "C", "D"]
    assert [stage.label for stage in STAGES] == ["keyword analysis", "outline", "article", "SEO metadata"]
    assert Stage("C") is Stage.ARTICLE


def stored() -> list[tuple[type[Artefact], dict[str, Any]]]:
    """Artefacts of a version with other limits, other choices and more fields."""
    section = an_outline()["sections"][0] | {"id": "Not a slug", "target_words": 9000, "fact_ids": ["x"] * 30}
    entry = {"question": LONG, "answer_hint": "", "source": "a forum"}
    return [
        (KeywordAnalysis, an_analysis(angle=LONG, intent="curious", entities=["one"], questions=[], tone="dry")),
        (
            Outline,
            an_outline(
                h1=LONG, sections=[section | {"heading": LONG, "points": [], "image": "a.png"}], faq=[entry] * 9
            ),
        ),
        (Draft, {"markdown": "word " * 20_000, "words": 0, "language": "en"}),
        (SeoMetadata, a_description(title=LONG, description="", slug="Not_a_slug", tags=[], keywords=["tap"])),
    ]


@pytest.mark.parametrize(("kind", "artefact"), stored())
async def test_an_artefact_of_another_version_decodes(kind: type[Artefact], artefact: dict[str, Any]) -> None:
    (payload,) = await pydantic_data_converter.encode([artefact])
    assert isinstance(payload, Payload)
    (decoded,) = await pydantic_data_converter.decode([payload], [kind])
    assert isinstance(decoded, kind)
    dumped = decoded.model_dump(mode="json")
    texts = {name: value for name, value in dumped.items() if name not in {"sections", "faq"}}
    assert texts == {name: artefact[name] for name in texts}
    assert kind.model_validate(artefact) == decoded
