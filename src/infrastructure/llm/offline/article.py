"""Offline answers for stage C.

Markdown made of phrases, to the length its outline asks for.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from src.quality.plan import QUESTION_WORDS
from src.quality.wording import count_words

from .phrasebook import Phrasebook, escaped, purpose_of

_SENTENCES_A_PARAGRAPH = (3, 4, 3, 2)
_LONGEST_LINK = 14  # words of a title; longer ones are no link text
_ROOM_FOR_LIST = 110  # words a section must have before a list or a table stands in it
_DENSITY = 0.015  # occurrences of the keyword per word, well below what reads as stuffing
_KEYWORD_SHARE = 0.15  # of all words that a long keyword may take


def article(data: Mapping[str, Any], *, only: Sequence[str] | None = None) -> str:
    """Write every section, or only those under the given headings."""
    writer = _Article(data)
    parts = list(writer.parts())
    if only is None:
        return "\n\n".join(text for _, text in parts)
    return "\n\n".join(text for heading, text in parts if heading in only)


def missing_headings(follow_up: str | None) -> list[str] | None:
    """Read which sections a follow-up asks for.

    None when it asks for the whole answer.
    """
    if not follow_up:
        return None
    block = follow_up.partition("<data>")[2].rpartition("</data>")[0]
    missing: list[str] | None = json.loads(block or "{}").get("missing")
    return missing


class _Article:
    """One article in progress.

    No phrase is repeated while an unused one is left.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._book = Phrasebook(
            data["keyword"],
            language=data["site"]["language"],
            banned_terms=data["banned_terms"],
            purpose=purpose_of("C", data),
        )
        self._facts = {fact["id"]: fact["text"] for fact in data["facts"]}
        self._links = self._chosen_links()
        self._general = _Stock(self._book, self._book.shuffled(self._book.pack["writing"]["general"]))
        self._sections = self._data["outline"]["sections"]
        self._answers = self._questions() if self._data["outline"]["faq"] else ""
        self._planned = sum(section["target_words"] for section in self._sections)
        self._balance = self._overhead()  # words that are not left for the sections' text
        self._mentions = self._mentions_left()

    def parts(self) -> Iterator[tuple[str | None, str]]:
        """Return each heading with its part, heading included; None is the introduction's."""
        introduction = self._book.say(
            self._book.pick(self._book.permitted(self._book.pack["writing"]["introductions"])), markdown=True
        )
        yield None, introduction
        self._balance += count_words(introduction)
        for number, section in enumerate(self._sections):
            yield section["heading"], f"## {escaped(section['heading'])}\n\n{self._section(section, number)}"
        if self._answers:
            yield self._data["faq_heading"], self._answers

    def _overhead(self) -> int:
        """Return the words of headings, and of answers above their share."""
        headings = " ".join(section["heading"] for section in self._sections)
        return count_words(headings) + count_words(self._answers) - QUESTION_WORDS * len(self._data["outline"]["faq"])

    def _mentions_left(self) -> int:
        """Return how many sections may still name the keyword."""
        named = " ".join([*(section["heading"] for section in self._sections), self._answers])
        most = min(self._planned * _DENSITY, self._planned * _KEYWORD_SHARE / max(1, count_words(self._book.topic)))
        return int(most) - named.casefold().count(self._book.topic.casefold()) - 1

    def _section(self, section: Mapping[str, Any], number: int) -> str:
        roles = self._book.pack["role"]
        role = next((role for role in roles if role["id"] == section["id"]), roles[number % len(roles)])
        share = round(self._balance / (len(self._sections) - number))  # what is off is spread over what is left
        blocks = [*self._elements(section, role, number)]
        words = section["target_words"] - share
        body = _interleaved(self._paragraphs(role, words - count_words(" ".join(blocks))), blocks)
        self._balance += count_words(body) - section["target_words"]
        return body

    def _paragraphs(self, role: Mapping[str, Any], words: int) -> list[str]:
        """Return sentences of about ``words`` words, at least one."""
        own = _Stock(self._book, self._book.thinned(role["sentences"]))
        sentences: list[str] = []
        if self._mentions > 0:
            self._mentions -= 1
            sentences.append(self._book.say(self._book.pick(self._book.permitted(role["mentions"])), markdown=True))
        words -= count_words(" ".join(sentences))
        while words > 0 or not sentences:
            stock = own if not own.is_spent and len(sentences) % 4 != 3 else self._general
            sentence = stock.next()
            if sentences and words < count_words(sentence) / 2:
                break
            sentences.append(sentence)
            words -= count_words(sentence)
        return _paragraphed(sentences)

    def _elements(self, section: Mapping[str, Any], role: Mapping[str, Any], number: int) -> Iterator[str]:
        """Return the blocks of a section other than its sentences.

        A list or a table, facts, a link.
        """
        if section["target_words"] >= _ROOM_FOR_LIST:
            yield from self._list(section, role, number)
        for id_ in section["fact_ids"]:
            if id_ in self._facts:
                lead = self._book.say(self._book.pack["writing"]["fact"])
                yield f"{lead}{escaped(_ended(self._facts[id_]))}"
        if link := self._links.pop(number, None):
            lead = self._book.say(self._book.pack["writing"]["link"])
            yield f"{lead}[{escaped(link['title'])}](<{link['url']}>)."

    def _list(self, section: Mapping[str, Any], role: Mapping[str, Any], number: int) -> Iterator[str]:
        if role.get("steps") and not self._book.is_banned(" ".join(role["steps"])):
            yield "\n".join(f"{place}. {step}" for place, step in enumerate(role["steps"], start=1))
        elif role.get("table") and not self._book.is_banned(str(role["table"])):
            rows = [role["table_head"], ["---", "---"], *role["table"]]
            yield "\n".join(f"| {left} | {right} |" for left, right in rows)
        elif number % 2 == 0:
            lead = self._book.say(self._book.pick(self._book.permitted(self._book.pack["writing"]["list_lead"])))
            points = "\n".join(f"- {escaped(point)}" for point in section["points"])
            yield f"{lead}\n\n{points}"

    def _questions(self) -> str:
        known = {self._book.say(faq["question"]): faq["answers"] for faq in self._book.pack["faq"]}
        spare = self._book.shuffled([faq["answers"] for faq in self._book.faq or self._book.pack["faq"]])
        answered = []
        for number, entry in enumerate(self._data["outline"]["faq"]):
            answers = known.get(entry["question"], spare[number % len(spare)])
            answer = self._book.say(self._book.pick(answers), markdown=True)
            answered.append(f"### {escaped(entry['question'])}\n\n{answer}")
        return "\n\n".join([f"## {self._data['faq_heading']}", *answered])

    def _chosen_links(self) -> dict[int, Mapping[str, str]]:
        """Return at most two addresses by section number."""
        links = [
            link
            for link in self._data["links"]
            if count_words(link["title"]) <= _LONGEST_LINK and not self._book.is_banned(link["title"])
        ]
        last = len(self._data["outline"]["sections"]) - 1
        return dict(zip((last, 1), self._book.shuffled(links)[:2], strict=False))


class _Stock:
    """Sentences in their order; each is used again only after all were."""

    def __init__(self, book: Phrasebook, templates: Sequence[str]) -> None:
        self._book = book
        self._order = book.permitted(templates)
        self._used = 0

    @property
    def is_spent(self) -> bool:
        """Return whether all were used."""
        return self._used >= len(self._order)

    def next(self) -> str:
        """Return the next sentence, in one of its wordings."""
        template = self._order[self._used % len(self._order)]
        self._used += 1
        return self._book.say(template, markdown=True)


def _paragraphed(sentences: Sequence[str]) -> list[str]:
    paragraphs, start, number = [], 0, 0
    while start < len(sentences):
        size = _SENTENCES_A_PARAGRAPH[number % len(_SENTENCES_A_PARAGRAPH)]
        paragraphs.append(" ".join(sentences[start : start + size]))
        start, number = start + size, number + 1
    return paragraphs


def _interleaved(paragraphs: Sequence[str], blocks: Sequence[str]) -> str:
    """Return the blocks between the paragraphs; a section begins with a paragraph."""
    first, *rest = paragraphs
    mixed = [first]
    for block in blocks:
        mixed.append(block)
        if rest:
            mixed.append(rest.pop(0))
    return "\n\n".join([*mixed, *rest])


def _ended(text: str) -> str:
    return text if text[-1:] in ".!?…。" else f"{text}."
