"""Texts of articles, without a database."""

from src.domain.content import Content
from src.domain.stages import Draft, Outline, SeoMetadata
from src.rendering.content import content_of

from .answers import a_description, an_article, an_outline, short_site


def a_content(*, offline: bool = False) -> Content:
    markdown = an_article()
    return content_of(
        short_site(),
        Outline.model_validate(an_outline()),
        Draft(markdown=markdown, words=len(markdown.split())),
        SeoMetadata.model_validate(a_description()),
        offline=offline,
    )
