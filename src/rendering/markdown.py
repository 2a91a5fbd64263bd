"""Markdown to sanitised HTML, and back for those who type."""

from collections.abc import Mapping, Sequence
from typing import Any

from markdown_it.token import Token
from markdownify import MarkdownConverter

from src.quality.manuscript import DEEPEST, parser

from .blocks import LEVELS, flattened
from .sanitiser import sanitised


def rendered(tokens: Sequence[Token], env: Mapping[str, Any]) -> str:
    """Return parsed Markdown as a sanitised fragment."""
    for token in tokens:
        if token.type == "th_open":
            token.attrSet("scope", "col")
    markdown = parser()
    return sanitised(str(markdown.renderer.render(tokens, markdown.options, dict(env))))


def from_markdown(text: str) -> str:
    """Return the Markdown of one section as a sanitised fragment."""
    env: dict[str, Any] = {}
    tokens = parser().parse(text, env)
    for token in tokens:
        token.tag = LEVELS.get(token.tag, token.tag)
    return rendered(tokens, env)


def to_markdown(html: str) -> str:
    """Return a sanitised fragment as Markdown, to be edited.

    Elements deeper than ``DEEPEST`` are left out, not their text: the converter calls itself for each.
    """
    converter = MarkdownConverter(heading_style="ATX", bullets="-", escape_misc=True, newline_style="BACKSLASH")
    return str(converter.convert(flattened(html, DEEPEST))).strip()
