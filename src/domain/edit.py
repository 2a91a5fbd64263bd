"""What a person changes in the text of an article."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class TextForm(StrEnum):
    """How the text of an edit is written."""

    HTML = "html"  # as an editor in a page sends it
    MARKDOWN = "markdown"  # as somebody types it


class SectionEdit(BaseModel):
    """What changes in one section; None stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heading: str | None = None
    text: str | None = None  # all that stands below the heading


class TextEdit(BaseModel):
    """What changes in a text.

    None, and sections that are left out, stay as they are. Nothing in it is trusted: texts pass the
    sanitiser, lines are cleaned. Address, author, order of the sections and structured data are not a person's to edit.

    Attributes:
        form: of the introduction and of each section's text.
        sections: by id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: TextForm = TextForm.HTML
    h1: str | None = None
    title: str | None = None
    description: str | None = None
    og_title: str | None = None
    og_description: str | None = None
    tags: tuple[str, ...] | None = None
    introduction: str | None = None
    sections: Mapping[str, SectionEdit] = {}

    @property
    def lines(self) -> dict[str, str]:
        """Return the changed single lines by their names."""
        names = ("h1", "title", "description", "og_title", "og_description")
        return {name: line for name in names if (line := getattr(self, name)) is not None}
