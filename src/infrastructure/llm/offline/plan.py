"""Offline answers for stages A, B and D.

The artefacts around an article, as plain JSON values.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from src.quality.plan import QUESTION_WORDS
from src.quality.wording import count_words, fit, unique

from .phrasebook import Phrasebook, purpose_of

_WORD = re.compile(r"\w+")
_LONGEST_TERM = 90  # characters of a keyword with room for another word
_WORDY_KEYWORD = 0.07  # of the article; such a keyword leaves no room to be repeated
_FEW_CHARACTERS = 50
_SHORTEST_SECTION = 40  # words
_MOST_FACTS = 0.4  # of a section's words that facts may take
_SECTIONS_BY_WORDS = ((500, 4), (1000, 5), (1600, 6), (2400, 7))  # up to so many words, so many sections; else 8


def keyword_analysis(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of stage A: phrases around the keyword."""
    keyword = data["keyword"]
    book = Phrasebook(keyword, language=data["site"]["language"], purpose="A")
    phrases = book.pack["analysis"]
    questions = [book.say(text) for text in phrases["questions"]]
    book.topic = fit(keyword, _LONGEST_TERM)
    words = [word for word in _WORD.findall(keyword) if len(word) > 3]
    entities = unique([*words[:4], *phrases["entities"]])[:6]
    return {
        "primary_keyword": keyword,
        "intent": _intent(keyword, phrases),
        "audience": fit(data["site"]["audience"], 300),
        "searcher_goal": book.say(phrases["goal"]),
        "secondary_keywords": [book.say(text) for text in book.shuffled(phrases["secondary"])[:5]],
        "entities": [fit(entity, _LONGEST_TERM) for entity in entities],
        "questions": questions,
        "angle": phrases["angle"],
        "avoid": phrases["avoid"],
    }


def outline(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of stage B: a plan of roles and facts."""
    book = _book(data, "B")
    phrases = book.pack["outline"]
    questions = book.shuffled(book.faq)[: 2 if data["word_target"] < 600 else 3]
    if count_words(book.keyword) > data["word_target"] * _WORDY_KEYWORD:
        book.topic, questions = fit(book.keyword, _FEW_CHARACTERS), []
    roles = _roles(book, data["word_target"])
    words = _shares(data["word_target"] - QUESTION_WORDS * len(questions), len(roles))
    facts = [fact for fact in data["facts"] if not book.is_banned(fact["text"])]
    sections = []
    for number, (role, target) in enumerate(zip(roles, words, strict=True)):
        cited = _carried(facts[number :: len(roles)], target)
        headings = book.permitted(role["headings"])
        heading = book.say(headings[0] if len(data["keyword"]) > _LONGEST_TERM else book.pick(headings))
        sections.append(
            {
                "id": role["id"],
                "heading": fit(heading, 120),
                "purpose": role["purpose"],
                "points": book.shuffled(book.permitted(role["points"]))[:3],
                "target_words": target,
                "fact_ids": [fact["id"] for fact in cited],
            }
        )
    return {
        "h1": book.title(book.permitted(phrases["titles"]), shortest=1, longest=70),
        "summary": fit(book.say(book.pick(book.permitted(phrases["summaries"]))), 300),
        "sections": sections,
        "faq": [{"question": book.say(faq["question"]), "answer_hint": faq["hint"]} for faq in questions],
    }


def seo_metadata(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of stage D."""
    book = _book(data, "D")
    phrases = book.pack["metadata"]
    title = book.title(book.permitted(phrases["titles"]), shortest=30, longest=60)
    book.topic = fit(book.keyword, 60)  # descriptions are short
    descriptions = [book.say(text) for text in book.shuffled(book.permitted(phrases["descriptions"]))]
    fitting = [text for text in descriptions if 70 <= len(text) <= 160] or descriptions
    return {
        "title": title,
        "description": fit(fitting[0], 160),
        "slug": "",  # made of the keyword by stage D
        "og_title": fit(data["h1"], 90),
        "og_description": fit(data["summary"], 200),
        "focus_keyword": data["keyword"],
        "tags": unique([data["keyword"], *book.permitted(phrases["tags"])])[:5],
        "faq_schema": bool(data["questions"]),
    }


def _book(data: Mapping[str, Any], purpose: str) -> Phrasebook:
    return Phrasebook(
        data["keyword"],
        language=data["site"]["language"],
        banned_terms=data["banned_terms"],
        purpose=purpose_of(purpose, data),
    )


def _intent(keyword: str, phrases: Mapping[str, Any]) -> str:
    words = {word.casefold() for word in _WORD.findall(keyword)}
    if words & set(phrases["buying"]):
        return "transactional"
    return "commercial" if words & set(phrases["comparing"]) else "informational"


def _roles(book: Phrasebook, word_target: int) -> list[Any]:
    """Return the first, some of the middle and the last role."""
    roles = book.pack["role"]
    count = next((count for words, count in _SECTIONS_BY_WORDS if word_target <= words), len(roles))
    between = book.shuffled(range(1, len(roles) - 1))[: count - 2]
    return [roles[0], *(roles[index] for index in sorted(between)), roles[-1]]


def _shares(words: int, count: int) -> list[int]:
    """Split so that the parts add up.

    The first and the last section are the shortest.
    """
    weights = [0.8, *[1.0] * (count - 2), 0.8]
    shares = [max(_SHORTEST_SECTION, round(words * weight / sum(weights))) for weight in weights]
    shares[1] += words - sum(shares)
    return shares


def _carried(facts: Sequence[Mapping[str, str]], target: int) -> list[Mapping[str, str]]:
    carried, room = [], target * _MOST_FACTS
    for fact in facts:
        room -= count_words(fact["text"])
        if room < 0:
            break
        carried.append(fact)
    return carried[:3]
