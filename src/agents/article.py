"""Stage C: writes the article its outline asks for, in Markdown.

An answer that was cut off keeps its complete sections; only the missing ones are asked for.
"""

from collections.abc import Sequence
from dataclasses import replace

from src.domain.errors import OutputTruncated
from src.domain.site import Site
from src.domain.stages import Outline, Stage
from src.quality.article_rules import broken_rules, heading_key, offered_links
from src.quality.language import labels
from src.quality.manuscript import Manuscript, as_markdown
from src.quality.plan import planned_headings, section_ids

from .answers import Draft
from .changes import Changes, wished
from .instructions import fact_list, instructions, site_brief
from .language_model import LONGEST_ANSWER_TOKENS, OFFLINE_MODEL, Completion, LanguageModel, Prompt, StopReason, fenced
from .structured_output import RuleViolations, ask, ask_for, parse_or_repair, require, validated

MAX_OUTPUT_TOKENS = LONGEST_ANSWER_TOKENS
CONTINUATIONS = 2
_CONTINUE = (
    "Your answer was cut off. Its complete sections are kept as they are. Now write only the sections whose headings "
    "are listed as missing, in this order, each under its heading and in the same form. Repeat nothing.\n"
)


async def write(
    outline: Outline, keyword: str, *, site: Site, model: LanguageModel, changes: Changes | None = None
) -> Draft:
    """Write every section of the outline with the facts it cites.

    With ``changes`` that are about one section, write that one and leave the others as they are.

    Raises OutputRejected, OutputTruncated, ModelRefused, and what the model raises.
    """
    prompt = _prompt(outline, keyword, site)
    headings = planned_headings(outline, site.language)

    def checked(markdown: str, completion: Completion) -> Draft:
        manuscript = Manuscript(markdown)
        require(broken_rules(manuscript, outline, keyword, site=site, check_language=completion.model != OFFLINE_MODEL))
        return validated(Draft, {"markdown": markdown, "words": manuscript.words})

    if changes and changes.draft and (heading := _only(changes, outline, headings)):
        draft = changes.draft
        asked = replace(changes.added_to(prompt, only=heading), resumable=False)
        return await ask_for(
            asked, model, lambda completion: checked(_replaced(draft, heading, completion.text), completion)
        )
    prompt, completion = await _whole(wished(prompt, changes), headings, model)
    return await parse_or_repair(
        prompt, completion, model, lambda completion: checked(as_markdown(completion.text), completion)
    )


def _only(changes: Changes, outline: Outline, headings: Sequence[str]) -> str | None:
    """Return the planned heading of the one section that is wanted.

    None: the plan does not have it.
    """
    return dict(zip(section_ids(outline), headings, strict=True)).get(changes.only or "")


def _replaced(draft: str, heading: str, answer: str) -> str:
    """Return the draft with the answer's section in place of its own."""
    written = Manuscript(as_markdown(answer))
    new = [written.source(part) for part in written.sections if heading_key(part.heading or "") == heading_key(heading)]
    if len(new) != 1 or len(written.sections) != 1:
        raise RuleViolations([f"the answer must be the section {heading!r} and nothing else"])
    old = Manuscript(draft)
    parts = [
        new[0] if heading_key(part.heading or "") == heading_key(heading) else old.source(part) for part in old.parts
    ]
    return "\n\n".join(part for part in parts if part)


def _prompt(outline: Outline, keyword: str, site: Site) -> Prompt:
    rules = instructions("article")
    cited = {id_ for section in outline.sections for id_ in section.fact_ids}
    return Prompt(
        stage=Stage.ARTICLE,
        name=rules.name,
        system=rules.text,
        data={
            "keyword": keyword,
            "site": site_brief(site),
            "outline": outline.model_dump(mode="json"),
            "faq_heading": labels(site.language).questions,
            "facts": fact_list(tuple(fact for fact in site.profile.facts if fact.id in cited)),
            "links": [{"url": str(link.url), "title": link.title} for link in offered_links(site)],
            "banned_terms": list(site.profile.banned_terms),
        },
        schema=None,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        resumable=True,
    )


async def _whole(prompt: Prompt, headings: Sequence[str], model: LanguageModel) -> tuple[Prompt, Completion]:
    """Call the model, and again for sections that a truncated answer lacks.

    Return the last prompt and the joined answer.
    """
    completion = await ask(prompt, model)
    kept: dict[str, str] = {}
    continued = 0
    while completion.stop_reason is StopReason.TRUNCATED or continued:
        cut = completion.stop_reason is StopReason.TRUNCATED
        _join(kept, as_markdown(completion.text), cut=cut)
        missing = [heading for heading in headings if heading_key(heading) not in kept]
        joined = _in_order(kept, headings)
        if not missing or not cut:
            return prompt, replace(completion, text=joined, stop_reason=StopReason.COMPLETE)
        if continued == CONTINUATIONS:
            raise OutputTruncated(
                f"stage {prompt.stage.value}: cut off {continued + 1} times, last at {prompt.max_output_tokens} "
                f"tokens, {len(missing)} of {len(headings)} sections are missing"
            )
        continued += 1
        # A break of the last one is retried like any other: only the token limit ends an article.
        resumable = continued < CONTINUATIONS
        prompt = prompt.follow(joined, _CONTINUE + fenced({"missing": missing}), resumable=resumable)
        completion = await ask(prompt, model)
    return prompt, completion


def _join(kept: dict[str, str], markdown: str, *, cut: bool) -> None:
    """Add the parts that are complete and not there yet.

    The last part of a cut-off answer is not.
    """
    manuscript = Manuscript(markdown)
    goes_on = bool(kept)  # then what stands before the first heading is chatter
    for part in manuscript.parts[:-1] if cut else manuscript.parts:
        text = manuscript.source(part)
        if text and not (part.heading is None and goes_on):
            kept.setdefault(heading_key(part.heading or ""), text)


def _in_order(kept: dict[str, str], headings: Sequence[str]) -> str:
    wanted = ["", *(heading_key(heading) for heading in headings)]
    others = [key for key in kept if key not in wanted]  # kept too, so that the rules see them
    return "\n\n".join(kept[key] for key in [*wanted, *others] if key in kept)
