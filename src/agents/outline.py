"""Stage B: plans the article's sections and the facts of each."""

from collections import Counter
from typing import Any

from slugify import slugify

from src.domain.longtail import phrase_key
from src.domain.site import Site
from src.domain.stages import KeywordAnalysis, Stage
from src.quality.plan import QUESTION_WORDS, planned_headings, planned_words
from src.quality.wording import banned, fit, leftovers, mentions, unique

from .answers import Outline
from .changes import Changes, wished
from .instructions import fact_list, instructions, site_brief
from .language_model import Completion, LanguageModel, Prompt
from .structured_output import ask_for, json_object, require, validated

MAX_OUTPUT_TOKENS = 6_000
WORDS_OFF = 0.15  # share by which the planned words may miss the site's target
_MENDABLE_OFF = 0.5  # up to here the plan is scaled; further off it was not meant for this target
_LONGEST_ID = 60
_LONGEST_H1 = 70


async def plan(
    analysis: KeywordAnalysis, *, site: Site, model: LanguageModel, changes: Changes | None = None
) -> Outline:
    """Plan an article of the site's length on what the analysis found.

    Raises OutputRejected, OutputTruncated, ModelRefused, and what the model raises.
    """
    rules = instructions("outline")
    prompt = Prompt(
        stage=Stage.OUTLINE,
        name=rules.name,
        system=rules.text,
        data={
            "keyword": analysis.primary_keyword,
            "site": site_brief(site),
            "word_target": site.profile.word_target,
            "analysis": analysis.model_dump(mode="json", exclude={"primary_keyword"}),
            "facts": fact_list(site.profile.facts),
            "banned_terms": list(site.profile.banned_terms),
        },
        schema=Outline,
        max_output_tokens=MAX_OUTPUT_TOKENS,
    )

    def read(completion: Completion) -> Outline:
        outline = validated(Outline, _fixed(json_object(completion.text), site.profile.word_target))
        require(_violations(outline, analysis.primary_keyword, site))
        return outline

    return await ask_for(wished(prompt, changes), model, read)


def _fixed(answer: dict[str, Any], word_target: int) -> dict[str, Any]:
    """Return the answer with repairs that need no model.

    Ids, doubled fact ids, a summary that runs on, a sum that is somewhat off.
    """
    if isinstance(answer.get("summary"), str):
        answer["summary"] = fit(answer["summary"], 300)
    sections, faq = answer.get("sections"), answer.get("faq")
    if not isinstance(sections, list) or not all(isinstance(section, dict) for section in sections):
        return answer
    taken: Counter[str] = Counter()
    for section in sections:
        section["id"] = _section_id(section, taken)
        if isinstance(section.get("fact_ids"), list):
            section["fact_ids"] = unique(str(id_) for id_ in section["fact_ids"])
    _scale(sections, word_target - QUESTION_WORDS * (len(faq) if isinstance(faq, list) else 0))
    return answer


def _section_id(section: dict[str, Any], taken: Counter[str]) -> str:
    proposed = slugify(str(section.get("id", ""))) or slugify(str(section.get("heading", ""))) or "section"
    id_ = proposed[: _LONGEST_ID - 3].strip("-") or "section"
    while taken[id_]:
        taken[id_] += 1
        id_ = f"{id_}-{taken[id_]}"
    taken[id_] += 1
    return id_


def _scale(sections: list[dict[str, Any]], wanted: int) -> None:
    planned = [section.get("target_words") for section in sections]
    words = [count for count in planned if type(count) is int and count > 0]
    if len(words) != len(planned) or not words:
        return
    off = abs(sum(words) - wanted) / max(wanted, 1)
    if WORDS_OFF < off <= _MENDABLE_OFF:
        for section, count in zip(sections, words, strict=True):
            section["target_words"] = max(40, min(1500, round(count * wanted / sum(words))))


def _violations(outline: Outline, keyword: str, site: Site) -> list[str]:
    headings = planned_headings(outline, site.language)
    texts = " ".join([outline.h1, outline.summary, *headings, *(entry.question for entry in outline.faq)])
    found = _doubled("heading", headings) + _doubled("question", [entry.question for entry in outline.faq])
    if not mentions(" ".join([outline.h1, *headings[:2]]), keyword, room=_LONGEST_H1):
        found.append(f"neither h1 nor the first two headings contain the keyword {keyword!r}")
    found += _words_off(outline, site.profile.word_target)
    known = {fact.id for fact in site.profile.facts}
    cited = {id_ for section in outline.sections for id_ in section.fact_ids}
    found += [f"fact_ids names {id_!r}, which data.facts does not hold" for id_ in sorted(cited - known)]
    return found + leftovers(texts, keyword) + banned(texts, site.profile.banned_terms, keyword)


def _doubled(noun: str, texts: list[str]) -> list[str]:
    counts = Counter(phrase_key(text) for text in texts)
    return [f"{noun} {text!r} stands {count} times" for text, count in counts.items() if count > 1]


def _words_off(outline: Outline, target: int) -> list[str]:
    planned = planned_words(outline)
    if abs(planned - target) <= WORDS_OFF * target:
        return []
    answers = QUESTION_WORDS * len(outline.faq)
    return [f"target_words add up to {planned - answers}, they must add up to {target - answers} (within 15%)"]
