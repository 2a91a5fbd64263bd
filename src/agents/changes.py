"""What a reviewer wants changed, added to an agent's prompt as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from src.domain.content import Content
from src.domain.review import ChangeRequest
from src.domain.stages import Stage

from .instructions import instructions
from .language_model import Prompt


@dataclass(frozen=True)
class Changes:
    """Wishes of reviewers, for the agents that make a text again.

    Attributes:
        request: what is to be changed; None: nothing, but an article before was rejected.
        current: the text as it is now.
        draft: the Markdown that stage C wrote for it, of which a single section is replaced.
        kept: the headings of sections that people wrote and that stay.
        rejected: why an earlier article on the keyword was rejected.
    """

    request: ChangeRequest | None = None
    current: Content | None = None
    draft: str | None = None
    kept: tuple[str, ...] = field(default=())
    rejected: str | None = None

    @property
    def only(self) -> str | None:
        """Return the id of the one section that is written again."""
        return self.request.section if self.request and self.request.is_section and self.draft else None

    def added_to(self, prompt: Prompt, *, only: str | None = None) -> Prompt:
        """Return the prompt with the wishes as data.

        ``only`` is the heading of a single section.
        """
        rules = instructions("changes")
        return replace(
            prompt,
            name=f"{prompt.name}+{rules.name}",
            system=f"{prompt.system}\n\n{rules.text}",
            data={**prompt.data, "review": self._data(prompt.stage, only)},
        )

    def _data(self, stage: Stage, only: str | None) -> Mapping[str, Any]:
        known: dict[str, Any] = {"rejected": self.rejected, "only": only, "kept": list(self.kept) or None}
        if self.request is not None:
            known |= {
                "wanted": self.request.reason.words,
                "note": self.request.note,
                "words": self.request.span,
                "section": self._heading(self.request.section),
            }
        if self.current is not None:
            known["current"] = _shown(self.current, stage, only)
        return {name: value for name, value in known.items() if value is not None}

    def _heading(self, section: str | None) -> str | None:
        sections = self.current.sections if self.current else ()
        return next((each.heading for each in sections if each.id == section), None)


def wished(prompt: Prompt, changes: Changes | None) -> Prompt:
    """Return the prompt with the wishes, if there are any."""
    return changes.added_to(prompt) if changes else prompt


def _shown(content: Content, stage: Stage, only: str | None) -> Mapping[str, Any]:
    """Return what the stage has to know of the text."""
    match stage:
        case Stage.KEYWORD_ANALYSIS | Stage.OUTLINE:
            return {"h1": content.h1, "headings": [section.heading for section in content.sections]}
        case Stage.ARTICLE:
            sections = [
                {"heading": section.heading, "html": section.html}
                for section in content.sections
                if only in (None, section.heading)
            ]
            return {"introduction": content.introduction if only is None else "", "sections": sections}
        case Stage.SEO_METADATA:
            return content.model_dump(
                mode="json", include={"title", "description", "og_title", "og_description", "tags"}
            )
