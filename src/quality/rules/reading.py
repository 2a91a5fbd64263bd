"""A content, read once for all rules."""

from functools import cached_property

from src.domain.content import Content

from ..fragment import Fragment
from ..wording import count_words


class Reading:
    """A content with the structure of its fragments."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.introduction = Fragment(content.introduction)
        self.sections = [(section, Fragment(section.html)) for section in content.sections]

    @cached_property
    def blocks(self) -> list[tuple[str | None, Fragment]]:
        """Return the introduction, as None, and each section by its id."""
        return [(None, self.introduction), *((section.id, fragment) for section, fragment in self.sections)]

    @cached_property
    def text(self) -> str:
        """Return the visible text below the h1."""
        parts = [self.introduction.text]
        for section, fragment in self.sections:
            parts += [section.heading, fragment.text]
        return " ".join(filter(None, parts))

    @cached_property
    def words(self) -> int:
        """Return the number of words below the h1."""
        return count_words(self.text)

    @cached_property
    def head(self) -> dict[str, str]:
        """Return by name what stands outside the sections."""
        content = self.content
        return {
            "h1": content.h1,
            "title": content.title,
            "description": content.description,
            "title for sharing": content.og_title,
            "description for sharing": content.og_description,
            "tags": " ".join(content.tags),
        }
