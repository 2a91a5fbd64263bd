"""Stage A: finds the search intent and what an article must cover."""

from typing import Any

from src.domain.longtail import phrase_key
from src.domain.site import Site
from src.domain.stages import Stage
from src.quality.wording import fit, leftovers, unique

from .answers import KeywordAnalysis
from .instructions import fact_list, instructions, site_brief
from .language_model import Completion, LanguageModel, Prompt
from .structured_output import ask_for, json_object, require, validated

MAX_OUTPUT_TOKENS = 4_000
_MOST = {"secondary_keywords": 8, "entities": 10, "questions": 6, "avoid": 8}
_LONGEST = {"audience": 300, "searcher_goal": 300, "angle": 300}


async def analyse(keyword: str, *, site: Site, model: LanguageModel) -> KeywordAnalysis:
    """Analyse ``keyword`` for the site's readers.

    Raises OutputRejected, OutputTruncated, ModelRefused, and what the model raises.
    """
    rules = instructions("keyword_analysis")
    prompt = Prompt(
        stage=Stage.KEYWORD_ANALYSIS,
        name=rules.name,
        system=rules.text,
        data={"keyword": keyword, "site": site_brief(site), "facts": fact_list(site.profile.facts)},
        schema=KeywordAnalysis,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        effort="low",
    )

    def read(completion: Completion) -> KeywordAnalysis:
        analysis = validated(KeywordAnalysis, _fixed(json_object(completion.text), keyword))
        require(_violations(analysis, keyword))
        return analysis

    return await ask_for(prompt, model, read)


def _fixed(answer: dict[str, Any], keyword: str) -> dict[str, Any]:
    """Return the answer with repairs that need no model.

    The keyword's spelling, repetitions, lists and sentences that run on.
    """
    if phrase_key(str(answer.get("primary_keyword", ""))) == phrase_key(keyword):
        answer["primary_keyword"] = keyword
    for name, most in _MOST.items():
        if isinstance(texts := answer.get(name), list) and all(isinstance(text, str) for text in texts):
            answer[name] = unique(text for text in texts if text)[:most]
    for name, longest in _LONGEST.items():
        if isinstance(text := answer.get(name), str):
            answer[name] = fit(text, longest)
    return answer


def _violations(analysis: KeywordAnalysis, keyword: str) -> list[str]:
    found = []
    if analysis.primary_keyword != keyword:
        found.append(f"primary_keyword is {analysis.primary_keyword!r}, it must be {keyword!r}")
    if phrase_key(keyword) in {phrase_key(other) for other in analysis.secondary_keywords}:
        found.append("secondary_keywords repeats the primary keyword")
    return found + leftovers(" ".join([analysis.searcher_goal, analysis.angle, *analysis.questions]), keyword)
