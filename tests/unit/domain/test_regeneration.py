"""Texts that are made again: what people wrote stays where it has a place, and is named where it has none."""

from typing import Any

import pytest

from src.domain.content import Content, ContentSection
from src.domain.regeneration import HEAD, Regenerated, regenerated
from src.rendering.content import content_of
from tests.answers import artefacts, short_site


@pytest.fixture(scope="module")
def before() -> Content:
    _, outline, draft, metadata = artefacts()
    return content_of(short_site(), outline, draft, metadata, offline=False)


def made_anew(before: Content) -> Content:
    """Return the same outline, written again in every part."""
    sections = tuple(each.model_copy(update={"html": f"<p>New {each.id}.</p>"}) for each in before.sections)
    return before.model_copy(
        update={"introduction": "<p>New.</p>", "title": "A new title of taps", "sections": sections}
    )


def edited(content: Content, section: str, **changes: Any) -> Content:
    sections = tuple(
        each.model_copy(update={"html": f"<p>By a person in {section}.</p>"}) if each.id == section else each
        for each in content.sections
    )
    return content.model_copy(update={"sections": sections, **changes})


def html_of(content: Content) -> dict[str, str]:
    return {each.id: each.html for each in content.sections}


def test_what_nobody_changed_is_what_the_stages_made(before: Content) -> None:
    made = made_anew(before)
    assert regenerated(made, before=before, current=before) == Regenerated(content=made)


def test_what_people_wrote_survives_byte_for_byte(before: Content) -> None:
    made, current = made_anew(before), edited(before, "part-2", title="A person's title", introduction="<p>Hers.</p>")
    again = regenerated(made, before=before, current=current)
    assert html_of(again.content) == html_of(made) | {"part-2": "<p>By a person in part-2.</p>"}
    assert (again.content.title, again.content.introduction) == ("A person's title", "<p>Hers.</p>")
    assert (again.kept, again.dropped) == (("introduction", "title", "part-2"), ())


def test_what_a_request_names_becomes_the_stages(before: Content) -> None:
    made, current = made_anew(before), edited(before, "part-2", title="A person's title")
    again = regenerated(made, before=before, current=current, replaced=("part-2",))
    assert html_of(again.content)["part-2"] == "<p>New part-2.</p>"
    assert again.content.title == "A person's title"
    assert regenerated(made, before=before, current=current, replaced=HEAD).content.title == made.title


def test_sections_that_people_added_moved_or_removed_stay_so(before: Content) -> None:
    first, second, *rest = before.sections
    added = ContentSection(id="added", heading="Added", html="<p>Hers.</p>")
    current = before.model_copy(update={"sections": (second, added, *rest)})
    again = regenerated(made_anew(before), before=before, current=current).content
    assert [each.id for each in again.sections] == [second.id, "added", *(each.id for each in rest)]
    assert first.id not in html_of(again)


def test_a_new_outline_names_what_it_has_no_place_for(before: Content) -> None:
    made = made_anew(before)
    replanned = made.model_copy(update={"sections": made.sections[1:]})
    current = edited(edited(before, "part-1"), "part-2")
    again = regenerated(replanned, before=before, current=current)
    assert html_of(again.content) == html_of(replanned) | {"part-2": "<p>By a person in part-2.</p>"}
    assert again.dropped == (before.sections[0].heading,)
    (finding,) = again.findings
    assert (finding.rule, finding.span) == ("review.edit_dropped", before.sections[0].heading)


def test_questions_are_marked_up_only_while_their_section_is_there(before: Content) -> None:
    current = before.model_copy(update={"sections": before.sections[:-1]})
    assert regenerated(made_anew(before), before=before, current=current).content.questions is None


def test_kept_parts_of_the_offline_writer_stay_labelled(before: Content) -> None:
    current = edited(before, "part-2", offline=True)
    assert regenerated(made_anew(before), before=before, current=current).content.offline
    assert not regenerated(
        made_anew(before), before=before, current=before.model_copy(update={"offline": True})
    ).content.offline
