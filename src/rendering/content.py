"""The stages' outputs as the text that is reviewed.

Headings and ids come from the outline, so they equal it regardless of the Markdown.
"""

from src.domain.content import Content, ContentSection
from src.domain.site import Site
from src.domain.stages import Draft, Outline, SeoMetadata
from src.quality.manuscript import Manuscript
from src.quality.plan import planned_headings, section_ids

from .markdown import rendered


def content_of(site: Site, outline: Outline, draft: Draft, metadata: SeoMetadata, *, offline: bool) -> Content:
    """Return the article's text, its Markdown rendered and sanitised."""
    manuscript = Manuscript(draft.markdown)
    introduction, *parts = manuscript.parts
    ids, headings = section_ids(outline), planned_headings(outline, site.language)
    sections = [
        ContentSection(id=id_, heading=heading, html=rendered(part.tokens, manuscript.env))
        for part, id_, heading in zip(parts, ids, headings, strict=True)
    ]
    return Content(
        keyword=metadata.focus_keyword,
        h1=outline.h1,
        title=metadata.title,
        description=metadata.description,
        slug=metadata.slug,
        og_title=metadata.og_title,
        og_description=metadata.og_description,
        tags=tuple(metadata.tags),
        language=site.language,
        introduction=rendered(introduction.tokens, manuscript.env),
        sections=tuple(sections),
        questions=ids[-1] if outline.faq else None,
        faq_schema=metadata.faq_schema,
        author=site.profile.author,
        publisher=site.profile.publisher or site.name,
        site_name=site.name,
        home=str(site.base_url),
        offline=offline,
    )
