"""Edits some of the sample's texts, for the rules to find.

What the offline writer writes keeps every rule, and a queue without findings shows little of what reviewers do.
"""

from collections.abc import Callable

from src.application.people import identify
from src.application.reviews import get_review, list_reviews
from src.bootstrap import Application
from src.domain.content import Content
from src.domain.edit import SectionEdit, TextEdit

from .sample import Furnished, read

_ADVERT = "<p>Our advice is guaranteed to work: look no further.</p>"
_ELSEWHERE = '<p>More of it is <a href="https://example.com/elsewhere">here</a>.</p>'
_EMPTY_HEADING = "<h4>What else there is</h4>"
_LONG_TITLE = "{0}: everything that you need to know about it, explained step by step"


def _retitled(content: Content) -> TextEdit:
    return TextEdit(title=_LONG_TITLE.format(content.h1))


def _advertised(content: Content) -> TextEdit:
    return _with(content, 0, _ADVERT)


def _linked(content: Content) -> TextEdit:
    return _with(content, 1, _ELSEWHERE + _EMPTY_HEADING)


_EDITS: tuple[Callable[[Content], TextEdit], ...] = (_retitled, _advertised, _linked)


async def edit_some(application: Application, furnished: Furnished) -> None:
    """Wait for the batch, then edit some of its texts.

    The first of the people of the home does it. Raises Conflict where no batch was opened.
    """
    assert furnished.workflow_id is not None  # noqa: S101 - there is a batch to wait for
    site = read()[0].slug
    await application.batches.wait(site, furnished.workflow_id)
    owner, address = furnished.people[0].name, application.principal.address or ""
    application = application.acting_as(await identify(application.database, name=owner, os_user=None, address=address))
    waiting = await list_reviews(application.database, by=application.principal, site=site, limit=len(_EDITS))
    for review, edit in zip(waiting, _EDITS, strict=False):
        details = await get_review(application.database, review.article_id, by=application.principal)
        text = details.text
        await application.revisions.edit(review.article_id, edit(text.content), parent=text.content_hash)


def _with(content: Content, place: int, html: str) -> TextEdit:
    section = content.sections[min(place, len(content.sections) - 1)]
    return TextEdit(sections={section.id: SectionEdit(text=section.html + html)})
