"""A page as a browser reads it, through a parser that reports every error."""

import json
from typing import Any

from justhtml import JustHTML


class Page:
    """One complete document; reading it fails if it is not valid HTML."""

    def __init__(self, html: str) -> None:
        self._document = JustHTML(html, collect_errors=True, sanitize=False)
        assert not self._document.errors, self._document.errors

    def texts(self, selector: str) -> list[str]:
        return [" ".join(node.to_text().split()) for node in self._document.query(selector)]

    @property
    def headline(self) -> str:
        """The text of the only h1."""
        [headline] = self.texts("h1")
        return headline

    @property
    def structured_data(self) -> dict[str, Any]:
        """JSON-LD by type. Fails if the page holds any other script."""
        [script] = self._document.query("script")
        assert script.attrs == {"type": "application/ld+json"}
        return {part["@type"]: part for part in json.loads(script.to_text())["@graph"]}

    @property
    def handlers(self) -> list[str]:
        """Attributes that are code."""
        return [name for node in self._document.query("*") for name in node.attrs or {} if name.startswith("on")]

    @property
    def addresses(self) -> list[str]:
        """Whatever the page links to or loads."""
        attributes = [node.attrs or {} for node in self._document.query("*")]
        return [value for attrs in attributes for name in ("href", "src") if (value := attrs.get(name))]
