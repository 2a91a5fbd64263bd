"""An article's text as its stages made it, stored as a revision.

With the address of its longtail and what the rules find.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from src.domain.content import Content
from src.domain.ids import ArticleId
from src.domain.regeneration import Regenerated, regenerated
from src.domain.review import ChangeRequest
from src.domain.revision import Revision
from src.domain.site import Site
from src.domain.stages import Draft, Outline, SeoMetadata, Stage
from src.quality.findings import check
from src.rendering.content import content_of

from .unit_of_work import UnitOfWork


@dataclass(frozen=True)
class MachineText:
    """What the stages made.

    Attributes:
        stage_revision: whose outputs these are.
        made_at: when the last stage finished, in UTC.
    """

    site: Site
    content: Content  # at the address that stage D proposed
    stage_revision: int
    words: int
    made_at: datetime


async def read_machine_text(uow: UnitOfWork, article_id: ArticleId, stage_revision: int) -> MachineText:
    """Return the text of a stage revision whose four stages are done."""
    site = await uow.stage_outputs.get_site(article_id)
    outputs = {output.stage: output for output in await uow.stage_outputs.list_for_article(article_id, stage_revision)}
    draft = Draft.model_validate(outputs[Stage.ARTICLE].artefact)
    content = content_of(
        site,
        Outline.model_validate(outputs[Stage.OUTLINE].artefact),
        draft,
        SeoMetadata.model_validate(outputs[Stage.SEO_METADATA].artefact),
        offline=any(output.provider == "offline" for output in outputs.values()),
    )
    made_at = max(output.created_at for output in outputs.values()).astimezone(UTC)
    return MachineText(site=site, content=content, stage_revision=stage_revision, words=draft.words, made_at=made_at)


async def store_machine_text(uow: UnitOfWork, article_id: ArticleId, text: MachineText) -> Revision:
    """Store the text with its findings; it awaits a review.

    It is stored once, at its longtail's address, which it sets if that has none yet. What people wrote in the text
    before it is kept.
    """
    slug = await uow.longtails.settle_slug(article_id, text.content.slug)
    made = text.content.model_copy(update={"slug": slug})
    next_text = await _with_edits(uow, article_id, made, stage_revision=text.stage_revision)
    revision, is_new = await uow.revisions.add_machine(
        article_id, next_text.content, stage_revision=text.stage_revision, made_at=text.made_at
    )
    if is_new:
        found = [*check(next_text.content, text.site), *next_text.findings]
        await uow.findings.store(article_id, revision.number, found)
        await uow.reviews.begin_waiting(article_id)
    return revision


async def find_base(uow: UnitOfWork, article_id: ArticleId) -> tuple[Revision, int] | None:
    """Return the newest text, and the stage revision that it stems from.

    None before there is a text.
    """
    latest = await uow.revisions.find_latest(article_id)
    if latest is None:
        return None
    by_number = {each.number: each for each in await uow.revisions.list_for_article(article_id)}
    number: int | None = latest.number
    while number is not None:
        if (stage_revision := by_number[number].stage_revision) is not None:
            return latest, stage_revision
        number = by_number[number].parent
    return None


async def _with_edits(uow: UnitOfWork, article_id: ArticleId, made: Content, *, stage_revision: int) -> Regenerated:
    """Return the text with what people changed in the one before it."""
    base = await find_base(uow, article_id)
    if base is None or base[1] == stage_revision:
        return Regenerated(content=made)
    latest, before = base
    request = await uow.decisions.find_request(article_id, stage_revision)
    return regenerated(
        made,
        before=(await read_machine_text(uow, article_id, before)).content,
        current=latest.content,
        replaced=ChangeRequest.of(request).replaced if request else (),
    )
