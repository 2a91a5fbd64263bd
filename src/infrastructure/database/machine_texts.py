"""An article's text as its stages made it, stored as a revision.

With the address of its longtail and what the rules find.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from src.domain.content import Content
from src.domain.ids import ArticleId
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
    """Store the text as a revision with its findings.

    It is stored once, at its longtail's address, which it sets if that has none yet.
    """
    slug = await uow.longtails.settle_slug(article_id, text.content.slug)
    content = text.content.model_copy(update={"slug": slug})
    revision, is_new = await uow.revisions.add_machine(
        article_id, content, stage_revision=text.stage_revision, made_at=text.made_at
    )
    if is_new:
        await uow.findings.store(article_id, revision.number, check(content, text.site))
    return revision
