"""Reads what reviewers want changed, for the stages."""

from src.agents.changes import Changes
from src.domain.article import ArticleRef
from src.domain.content import Content
from src.domain.review import ChangeRequest
from src.domain.stages import Stage
from src.infrastructure.database.machine_texts import find_base, read_machine_text
from src.infrastructure.database.unit_of_work import UnitOfWork


async def read_changes(uow: UnitOfWork, article: ArticleRef, stage: Stage, *, rejected: str | None) -> Changes | None:
    """Return the wishes that this stage has to fulfil, None for none.

    Stage D hears of requests that are about its own work only.
    """
    request = await uow.decisions.find_request(article.article_id, article.revision)
    change = ChangeRequest.of(request) if request else None
    if change is not None and stage is Stage.SEO_METADATA is not change.stage:
        change = None
    base = await find_base(uow, article.article_id) if change else None
    if change is None or base is None:
        return Changes(rejected=rejected) if rejected else None
    latest, stage_revision = base
    before = await read_machine_text(uow, article.article_id, stage_revision)
    draft = await uow.stage_outputs.find_artefact(article.article_id, stage_revision, Stage.ARTICLE)
    return Changes(
        request=change,
        current=latest.content,
        draft=draft["markdown"] if draft and change.is_section else None,
        kept=_written(before.content, latest.content, change) if stage is Stage.ARTICLE else (),
        rejected=rejected,
    )


def _written(before: Content, current: Content, change: ChangeRequest) -> tuple[str, ...]:
    """Return the headings of sections that people wrote.

    Those that are to be changed are left out.
    """
    old = {section.id: section for section in before.sections}
    return tuple(
        section.heading
        for section in current.sections
        if old.get(section.id) != section and section.id not in change.replaced
    )
