"""The hash names exactly the approved text."""

from typing import Any

import pytest

from src.domain.content import Content, ContentSection
from src.rendering.content import content_of
from tests.answers import artefacts, short_site


def a_content() -> Content:
    return content_of(short_site(), *artefacts()[1:], offline=False)


@pytest.mark.parametrize("field", Content.model_fields)
def test_each_field_counts(field: str) -> None:
    content = a_content()
    other: dict[str, Any] = {
        "tags": ("other",),
        "sections": content.sections[1:],
        "faq_schema": False,
        "offline": True,
    }
    assert content.model_copy(update={field: other.get(field, "other")}).hash != content.hash


def test_the_order_of_sections_counts_and_that_of_keys_does_not() -> None:
    content = a_content()
    assert content.model_copy(update={"sections": content.sections[::-1]}).hash != content.hash
    document = dict(reversed(content.model_dump(mode="json").items()))
    assert Content.model_validate(document).hash == content.hash


def test_the_hash_of_a_stored_content_stays() -> None:
    """Approvals name it: a release that changes it would void them all."""
    content = Content(
        keyword="fix a tap",
        h1="Fix a tap",
        title="Fix a tap — today",
        description="How to.",
        slug="fix-a-tap",
        og_title="Fix",
        og_description="How",
        tags=("taps",),
        language="en",
        introduction="<p>Hello</p>",
        sections=(ContentSection(id="one", heading="One", html="<p>1 &lt; 2</p>"),),
        questions=None,
        faq_schema=False,
        author=None,
        publisher="Nut & Bolt",
        site_name="Nut & Bolt",
        home="https://shop.example/",
        offline=False,
    )
    assert content.hash == "700de6ac31c02875079aa70dd44d51beaefbafc09069b0d392103fbe1c6148eb"
    assert content.address == "https://shop.example/fix-a-tap"
