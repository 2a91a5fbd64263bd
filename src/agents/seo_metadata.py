"""Stage D: writes title, description, slug and tags of the article."""

import hashlib
from typing import Any

from slugify import slugify

from src.domain.longtail import phrase_key
from src.domain.site import Site
from src.domain.stages import Outline, Stage
from src.quality.wording import banned, fit, leftovers, mentions, unique

from .answers import SeoMetadata
from .changes import Changes, wished
from .instructions import instructions, site_brief
from .language_model import Completion, LanguageModel, Prompt
from .structured_output import ask_for, json_object, require, validated

MAX_OUTPUT_TOKENS = 4_000
LONGEST_OPENING = 1_500  # characters; 150 words, also where words are not spaced
_LONGEST = {"title": 60, "description": 160, "og_title": 90, "og_description": 200}
_SLUG = (3, 75)  # shortest and longest


async def describe(
    keyword: str,
    outline: Outline,
    opening: str,
    *,
    site: Site,
    model: LanguageModel,
    changes: Changes | None = None,
) -> SeoMetadata:
    """Describe the article that begins with ``opening``.

    Raises OutputRejected, OutputTruncated, ModelRefused, and what the model raises.
    """
    rules = instructions("seo_metadata")
    prompt = Prompt(
        stage=Stage.SEO_METADATA,
        name=rules.name,
        system=rules.text,
        data={
            "keyword": keyword,
            "site": site_brief(site),
            "h1": outline.h1,
            "summary": outline.summary,
            "headings": [section.heading for section in outline.sections],
            "questions": [entry.question for entry in outline.faq],
            "opening": fit(opening, LONGEST_OPENING),
            "banned_terms": list(site.profile.banned_terms),
        },
        schema=SeoMetadata,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        effort="low",
    )

    def read(completion: Completion) -> SeoMetadata:
        metadata = validated(SeoMetadata, _fixed(json_object(completion.text), keyword, has_faq=bool(outline.faq)))
        require(_violations(metadata, keyword, site))
        return metadata

    return await ask_for(wished(prompt, changes), model, read)


def _fixed(answer: dict[str, Any], keyword: str, *, has_faq: bool) -> dict[str, Any]:
    """Return the answer with repairs that need no model.

    Lengths, the slug, the keyword's spelling, doubled tags, markup without questions.
    """
    for name, longest in _LONGEST.items():
        if isinstance(text := answer.get(name), str):
            answer[name] = fit(text, longest)
    answer["slug"] = slug_of(str(answer.get("slug", "")), keyword)
    if phrase_key(str(answer.get("focus_keyword", ""))) == phrase_key(keyword):
        answer["focus_keyword"] = keyword
    if isinstance(tags := answer.get("tags"), list) and all(isinstance(tag, str) for tag in tags):
        answer["tags"] = unique(tag for tag in tags if tag)[:6]
    if not has_faq and isinstance(answer.get("faq_schema"), bool):
        answer["faq_schema"] = False
    return answer


def slug_of(proposed: str, keyword: str) -> str:
    """Return lowercase ASCII words for the address.

    Where letters have none, a name made of the keyword's hash.
    """
    shortest, longest = _SLUG
    slug = slugify(proposed, max_length=longest, word_boundary=True) or slugify(keyword, max_length=longest)
    slug = slug or slugify(proposed, max_length=longest)
    if len(slug) >= shortest:
        return slug
    return f"{slug or 'article'}-{hashlib.sha256(keyword.encode()).hexdigest()[:8]}"


def _violations(metadata: SeoMetadata, keyword: str, site: Site) -> list[str]:
    found = []
    if metadata.focus_keyword != keyword:
        found.append(f"focus_keyword is {metadata.focus_keyword!r}, it must be {keyword!r}")
    if not mentions(metadata.title, keyword, room=_LONGEST["title"]):
        found.append(f"title does not contain the keyword {keyword!r}")
    if phrase_key(metadata.title) == phrase_key(metadata.description):
        found.append("title and description say the same")
    shown = [metadata.title, metadata.description, metadata.og_title, metadata.og_description, *metadata.tags]
    texts = " ".join(shown)
    return found + leftovers(texts, keyword) + banned(texts, site.profile.banned_terms, keyword)
