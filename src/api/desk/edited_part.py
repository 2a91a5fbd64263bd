"""The parts of a text that are edited one at a time."""

from dataclasses import dataclass

from src.domain.content import Content
from src.domain.edit import SectionEdit, TextEdit, TextForm
from src.domain.errors import NotFound
from src.rendering.markdown import to_markdown


@dataclass(frozen=True)
class EditedPart:
    """The head, the lead or a section.

    Attributes:
        name: in the address of its editor.
        block: as findings name it; None: of the head and the lead.
        html: sanitised; None: the head has single lines alone.
    """

    name: str
    label: str
    block: str | None = None
    heading: str | None = None
    html: str | None = None

    @property
    def is_head(self) -> bool:
        """Return whether it is title, description and the like."""
        return self.html is None

    @property
    def markdown(self) -> str:
        """Return the text as Markdown, for those who type."""
        return to_markdown(self.html or "")

    def edit(self, *, form: TextForm, text: str | None, heading: str | None) -> TextEdit:
        """Return the change of its text."""
        if self.block is None:
            return TextEdit(form=form, introduction=text)
        return TextEdit(form=form, sections={self.block: SectionEdit(heading=heading or None, text=text)})


def parts_of(content: Content) -> list[EditedPart]:
    """Return the parts in the order of the page."""
    ids = {section.id for section in content.sections}
    head = EditedPart(_free("head", ids), "Title, description, tags")
    lead = EditedPart(_free("lead", ids), "Lead", html=content.introduction)
    sections = [EditedPart(each.id, each.heading, each.id, each.heading, each.html) for each in content.sections]
    return [head, lead, *sections]


def part_of(content: Content, name: str) -> EditedPart:
    """Return the part of this name. Raises NotFound."""
    parts = parts_of(content)
    for part in parts:
        if part.name == name:
            return part
    raise NotFound("section", name, known=[part.name for part in parts])


def _free(name: str, ids: set[str]) -> str:
    """Return the name, or one with two hyphens, which no section has."""
    return f"{name}--text" if name in ids else name
