"""The offline writer's phrases for one keyword, chosen by its letters.

The same keyword reads the same again.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from random import Random
from typing import Any, TypeVar

from src.quality.wording import banned, fit

T = TypeVar("T")

_EARLY = 0.7  # share of sentences that keep their place
LANGUAGES = ("en", "de")
_FALLBACK = "en"  # a site in any other language gets English text, labelled as not written for it
_CHOICE = re.compile(r"\{([^{}|]*(?:\|[^{}|]*)+)\}")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>&#|~!])")
_LEADING = re.compile(r"^(\s*)([-+=]|\d+[.)])", re.MULTILINE)


@cache
def _phrases(language: str) -> dict[str, Any]:
    file = files(__package__).joinpath("phrases", f"{language}.toml")
    return tomllib.loads(file.read_text("utf-8"))


@lru_cache(maxsize=2048)  # sites x lists of phrases
def _permitted(templates: tuple[str, ...], banned_terms: tuple[str, ...]) -> list[str]:
    return [text for text in templates if not banned(text, banned_terms, "")] or [*templates]


class Phrasebook:
    """Phrases about one keyword in the site's language, without its banned terms.

    Attributes:
        pack: the language's file as it is.
        topic: what phrases call the keyword; shorten it where there is little room.
    """

    def __init__(self, keyword: str, *, language: str, banned_terms: Sequence[str] = (), purpose: str) -> None:
        code = language.split("-", 1)[0]
        self.pack = _phrases(code if code in LANGUAGES else _FALLBACK)
        self.keyword = keyword
        self.topic = keyword
        self._banned_terms = tuple(banned_terms)
        self._random = Random(f"{keyword}\n{purpose}")  # noqa: S311 - for variety, not for secrets

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return self._random.choice(options)

    def shuffled(self, options: Iterable[T]) -> list[T]:
        """Return all of them in another order."""
        mixed = [*options]
        self._random.shuffle(mixed)
        return mixed

    def say(self, template: str, *, markdown: bool = False) -> str:
        """Fill in the keyword and choose among the alternatives."""
        opening, closing = self.pack["quotes"]
        plain = _CHOICE.sub(lambda match: self.pick(match[1].split("|")), template)
        topic = escaped(self.topic) if markdown else self.topic
        filled = {"{q}": f"{opening}{topic}{closing}", "{t}": topic, "{T}": capitalised(topic)}
        return re.sub(r"\{[qtT]\}", lambda match: filled[match[0]], plain)

    def permitted(self, templates: Sequence[str]) -> list[str]:
        """Return the templates without banned terms.

        All of them if none is without.
        """
        return _permitted(tuple(templates), self._banned_terms) if self._banned_terms else [*templates]

    def is_banned(self, text: str) -> bool:
        """Return whether ``text`` holds a banned term."""
        return bool(banned(text, self._banned_terms, self.keyword))

    @property
    def faq(self) -> list[dict[str, Any]]:
        """Return questions with their answers, without banned terms."""
        return [faq for faq in self.pack["faq"] if not self.is_banned(" ".join([faq["question"], *faq["answers"]]))]

    def thinned(self, options: Sequence[T]) -> list[T]:
        """Return the options in their order, fewer at the end."""
        early = [self._random.random() < _EARLY for _ in options]
        kept = [option for option, is_early in zip(options, early, strict=True) if is_early]
        return kept + [option for option, is_early in zip(options, early, strict=True) if not is_early]

    def title(self, endings: Sequence[str], *, shortest: int, longest: int) -> str:
        """Return the keyword and an ending that fits."""
        topic = capitalised(self.keyword)
        fitting = [text for ending in endings if shortest <= len(text := _joined(topic, ending)) <= longest]
        if fitting:
            return self.pick(fitting)
        title = fit(_joined(topic, endings[0]), longest)
        return title if len(title) >= shortest else topic[:longest].strip()


def purpose_of(stage: str, data: Mapping[str, Any]) -> str:
    """Return what the phrases are for.

    Wishes of a reviewer make it another purpose, so that other phrases are chosen.
    """
    return f"{stage}\n{json.dumps(data['review'], sort_keys=True)}" if "review" in data else stage


def capitalised(text: str) -> str:
    """Return the text with a capital letter, where scripts have them."""
    return text[:1].upper() + text[1:]


def escaped(text: str) -> str:
    """Return the text with every Markdown sign escaped."""
    return _LEADING.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\1", text)) if not text[:1].isdigit() else _digits_first(text)


def _digits_first(text: str) -> str:
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", _MARKDOWN.sub(r"\\\1", text))


def _joined(topic: str, ending: str) -> str:
    if topic[-1:] in "?!.:…":
        return f"{topic} {capitalised(ending.removeprefix(':').strip())}"
    return topic + ending
