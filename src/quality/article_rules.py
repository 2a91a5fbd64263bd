"""Rules of a finished article, checked by code.

Structure, length, keyword, links, wording, language.
"""

import re
from collections.abc import Sequence

from src.domain.longtail import phrase_key
from src.domain.site import Link, Site
from src.domain.stages import FaqEntry, Outline

from .language import is_in
from .manuscript import DEEPEST, Manuscript, Part, parser
from .plan import planned_headings, planned_words
from .wording import MOST_OF_KEYWORD, banned, coverage, leftovers, most_natural, occurrences, visible_tags, without

WORDS_OFF = 0.20  # share by which the article may miss its planned length
_DEEPEST_HEADING = 4
_MARKS = re.compile(r"[*_`~\\]")


def broken_rules(
    manuscript: Manuscript, outline: Outline, keyword: str, *, site: Site, check_language: bool = True
) -> list[str]:
    """Name every rule that the text breaks, worst first.

    ``check_language`` False lets the text be in any language, as that of templates may be.
    """
    found = _sections(manuscript, planned_headings(outline, site.language))
    found += _nesting(manuscript) + _heading_levels(manuscript) + _empty(manuscript)
    if outline.faq and manuscript.sections:
        found += _questions(manuscript.sections[-1], outline.faq)
    found += _length(manuscript, outline) + _keyword(manuscript, keyword)
    found += _links(manuscript, site) + _tags(manuscript, keyword)
    found += leftovers(manuscript.text, keyword) + banned(manuscript.text, site.profile.banned_terms, keyword)
    if check_language and not is_in(without(manuscript.text, keyword), site.language):
        found.append(f"the article is not written in the language {site.language!r}")
    return found


def heading_key(heading: str) -> str:
    """Return the spelling by which a planned heading is found.

    Markdown takes some signs for its own.
    """
    return _MARKS.sub("", phrase_key(heading))


def offered_links(site: Site) -> list[Link]:
    """Return the addresses an article may link to.

    Pages drop links other than https.
    """
    return [link for link in site.profile.links if link.url.scheme == "https"]


def _sections(manuscript: Manuscript, planned: Sequence[str]) -> list[str]:
    written = [heading_key(part.heading or "") for part in manuscript.sections]
    wanted = [_as_written(heading, written) for heading in planned]
    if written == wanted:
        return []
    found = [
        f"section {heading!r} is missing" for heading, key in zip(planned, wanted, strict=True) if key not in written
    ]
    found += [
        f"heading {part.heading!r} is not in the outline"
        for part, key in zip(manuscript.sections, written, strict=True)
        if key not in wanted
    ]
    return found or ["the sections do not follow the outline's order, or one stands twice"]


def _as_written(heading: str, written: Sequence[str]) -> str:
    """Return the key of a planned heading.

    As Markdown renders it, if it stands in the text like that.
    """
    key = heading_key(heading)
    if key in written:
        return key
    rendered = Manuscript(f"## {heading}").sections
    return heading_key(rendered[0].heading or "") if rendered else key


def _nesting(manuscript: Manuscript) -> list[str]:
    if manuscript.depth <= DEEPEST:
        return []
    return [f"lists, quotes or emphasis are nested more than {DEEPEST} deep"]


def _heading_levels(manuscript: Manuscript) -> list[str]:
    found, above = [], 1
    for level, text in manuscript.headings:
        if level == 1:
            found.append(f"heading {text!r} is a title; the article's title is set by the page")
        elif level > _DEEPEST_HEADING:
            found.append(f"heading {text!r} is deeper than ####")
        elif level > above + 1:
            found.append(f"heading {text!r} skips a level")
        above = max(level, 1)
    if sum(level == 2 for level, _ in manuscript.headings) != len(manuscript.sections):
        found.append("a ## heading stands inside a list or a quote")
    return found


def _empty(manuscript: Manuscript) -> list[str]:
    found = []
    for part in manuscript.sections:
        if not part.text.strip():
            found.append(f"section {part.heading!r} is empty")
        found += [f"nothing stands under the heading {heading!r}" for heading in part.empty_headings]
    return found


def _questions(part: Part, faq: Sequence[FaqEntry]) -> list[str]:
    written = [heading_key(question) for question, _ in part.answers]
    wanted = [_as_written(entry.question, written) for entry in faq]
    if written == wanted:
        return []
    return [
        f"the section {part.heading!r} must hold exactly {len(faq)} ### headings: the questions of data.outline.faq"
    ]


def _length(manuscript: Manuscript, outline: Outline) -> list[str]:
    planned = planned_words(outline)
    least, most = round(planned * (1 - WORDS_OFF)), round(planned * (1 + WORDS_OFF))
    if least <= manuscript.words <= most:
        return []
    return [f"the article has {manuscript.words} words, it must have {least} to {most}"]


def _keyword(manuscript: Manuscript, keyword: str) -> list[str]:
    if coverage(manuscript.text, keyword) < MOST_OF_KEYWORD:
        return [f"the keyword {keyword!r} does not appear"]
    count, most = occurrences(manuscript.text, keyword), most_natural(keyword, manuscript.words)
    if most is None or count <= most:
        return []
    return [f"the keyword appears {count} times in {manuscript.words} words, at most {most} read naturally"]


def _links(manuscript: Manuscript, site: Site) -> list[str]:
    allowed = {_address(parser().normalizeLink(str(link.url))) for link in offered_links(site)}
    return [
        f"link to {href[:200]!r} is not in data.links" for href in manuscript.links if _address(href) not in allowed
    ]


def _address(href: str) -> str:
    return href.rstrip("/")


def _tags(manuscript: Manuscript, keyword: str) -> list[str]:
    return [f"HTML is shown as text: {tag[:60]!r}" for tag in visible_tags(manuscript.texts_with_angles, keyword)]
