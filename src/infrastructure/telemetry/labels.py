"""Values of labels, of which there are never many.

A site is no label, nor a keyword, an article or a person: their number grows with the work, and a series for each would
outgrow whoever stores them. What a site costs and how it does is asked of the API, which reads rows.
"""

from collections.abc import Iterator

from src.domain.errors import LongtailError
from src.settings import Settings

OTHER = "other"
INTERNAL = "."  # the first letter of sites of our own, which no figure shows
_MODELS_OF_SITES = 16  # that keep their names, beside those of the settings
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ModelNames:
    """Names of models: the settings' and the first that sites name."""

    def __init__(self, settings: Settings) -> None:
        self._known = {
            settings.anthropic_cheap_model,
            settings.anthropic_strong_model,
            settings.openai_cheap_model,
            settings.openai_strong_model,
        }
        self._most = len(self._known) + _MODELS_OF_SITES

    def label(self, model: str) -> str:
        """Return the name, or ``other`` where there are too many."""
        if model not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(model)
        return model


def error_type(error: BaseException) -> str:
    """Return the error's type; Temporal's carry it as a field."""
    return str(getattr(error, "type", None) or type(error).__name__)


def cause(name: str) -> str:
    """Return the error's type if it is one of ours, else ``other``."""
    return name if name in _CAUSES else OTHER


def method(name: str) -> str:
    """Return the HTTP method, unless somebody made it up."""
    return name if name in _METHODS else OTHER


def _kinds(error: type[LongtailError]) -> Iterator[str]:
    yield error.__name__
    for kind in error.__subclasses__():
        yield from _kinds(kind)


_CAUSES = frozenset(_kinds(LongtailError))
