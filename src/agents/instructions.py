"""The stable half of a prompt.

Each agent's rules, a package text with a version in its first line.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from src.domain.site import Fact, Site


@dataclass(frozen=True)
class Instructions:
    """One prompt file.

    Attributes:
        name: the file's name and version, as stored with each output: ``outline@1``.
        text: the rules.
    """

    name: str
    text: str


@cache
def instructions(agent: str) -> Instructions:
    """Read the rules of ``agent`` on first use.

    A changed text must change its version.
    """
    content = files(__package__).joinpath("prompts", f"{agent}.md").read_text("utf-8")
    version, _, text = content.partition("\n")
    return Instructions(name=f"{agent}@{version.removeprefix('version:').strip()}", text=text.strip())


def site_brief(site: Site) -> dict[str, Any]:
    """Return the facts about the site that every agent receives."""
    return {
        "name": site.name,
        "language": site.language,
        "audience": site.profile.audience,
        "tone": site.profile.tone,
    }


def fact_list(facts: tuple[Fact, ...]) -> list[dict[str, str]]:
    """Return facts with the ids by which an outline cites them."""
    return [{"id": fact.id, "text": fact.text} for fact in facts]
