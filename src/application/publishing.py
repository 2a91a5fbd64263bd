"""Publishes approved texts, undoes that, takes pages off and puts them back.

A publication is a row that is made in the request's own transaction, with the page's bytes; its workflow is told, and
carries it out when it is due. So undoing needs no worker, and what goes out is what was approved.
"""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from pydantic import BaseModel, ConfigDict

from src.domain.article import Article
from src.domain.colour import Colour
from src.domain.errors import Conflict, ConflictReason, EngineUnavailable, Hint, InputInvalid
from src.domain.ids import ArticleId
from src.domain.paging import Excerpt, MomentPosition, Page
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.publishing import PublicationId, PublicationRecord, PublicationStatus, TargetName, Targets
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .publication_requests import Wanted, add_publication, approved_text, find_same, record, refuse_open, undo_scheduled
from .publication_runs import read_back
from .revisions import ensured

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

log = structlog.get_logger()

_LONGEST_REASON = 500  # characters


class PublicationResult(BaseModel):
    """A publication that was asked for, or whose undoing was."""

    model_config = ConfigDict(frozen=True)

    publication: PublicationRecord
    is_new: bool  # False: it was so before
    colour: Colour  # whose workers carry it out
    has_workers: bool  # False: no worker polls that would carry it out


class Verification(BaseModel):
    """A published page, read back."""

    model_config = ConfigDict(frozen=True)

    publication: PublicationRecord
    problems: list[str]  # none: it is what was approved


async def list_publications(
    database: Database,
    *,
    article_id: ArticleId | None = None,
    site: str | None = None,
    status: PublicationStatus | None = None,
    limit: int = 100,
) -> list[PublicationRecord]:
    """Return publications, the newest first; with ``article_id`` all of it. Raises NotFound."""
    async with database.unit_of_work() as uow:
        if article_id is not None:
            await uow.articles.get_status(article_id)
            return await uow.publications.list_for_article(article_id)
        if site is not None:
            await uow.sites.get(site)
        return await uow.publications.list_all(site=site, status=status, limit=limit)


async def list_publication_page(
    database: Database,
    *,
    by: Principal,
    site: str | None = None,
    article_id: ArticleId | None = None,
    statuses: Collection[PublicationStatus] = (),
    excerpt: Excerpt[MomentPosition],
) -> Page[PublicationRecord, MomentPosition]:
    """Return a page of the publications that somebody may read.

    They are in the order in which they were requested. Raises NotFound for an unknown site, and NotPermitted.
    """
    sites = by.sites_of(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        if site is not None:
            await uow.sites.get(site)
        return await uow.publications.list_page(sites=sites, article_id=article_id, statuses=statuses, excerpt=excerpt)


async def read_publication(database: Database, publication_id: PublicationId, *, by: Principal) -> PublicationRecord:
    """Return the publication. Raises NotFound, and NotPermitted."""
    async with database.unit_of_work() as uow:
        publication = await uow.publications.get(publication_id)
    by.require(Action.SITE_READ, publication.site)
    return publication


class Publishing:
    """Publications as one person asks for them."""

    def __init__(self, database: Database, workflows: "WorkflowGateway", targets: Targets, *, by: Principal) -> None:
        self._database = database
        self._workflows = workflows
        self._targets = targets
        self._by = by

    async def publish(
        self,
        article_id: ArticleId,
        *,
        at: datetime | None = None,
        by_cadence: bool = False,
        forced: str | None = None,
        as_rendered: bool = False,
        colour: Colour | None = None,
        target: TargetName = TargetName.FOLDER,
    ) -> PublicationResult:
        """Schedule the approved text.

        It goes out now, ``at`` a time (UTC), or when the site's cadence has room. It can be undone until it is due.
        What is there or on its way already is left as it is. ``forced`` is a reason to publish text of the offline
        writer, for admins alone; ``as_rendered`` takes the page as this version renders it, where another showed it.

        Raises NotFound, NotPermitted, InputInvalid, and Conflict by its reason: not approved, offline text, renderer
        changed, address taken, publication under way.
        """
        reason = _reason(forced)
        wanted = Wanted(at=at, by_cadence=by_cadence, forced=reason, as_rendered=as_rendered, target=target)

        async def work(uow: UnitOfWork) -> tuple[PublicationRecord, bool]:
            await self._lock(uow, article_id, Action.PUBLISH_START if reason is None else Action.PUBLISH_FORCE)
            asked = await add_publication(uow, article_id, wanted, by=self._by)
            if asked.is_new:
                await self._record(uow, Action.PUBLISH_START, asked.publication, before=asked.before)
            return asked.publication, asked.is_new

        publication, is_new = await self._database.run_in_transaction(work)
        return await self._tell(publication, colour, is_new=is_new)

    async def undo(self, article_id: ArticleId) -> list[PublicationRecord]:
        """End what is scheduled and not begun; it leaves no trace.

        Raises NotFound, NotPermitted, and Conflict when nothing waits.
        """

        async def work(uow: UnitOfWork) -> list[PublicationRecord]:
            await self._lock(uow, article_id, Action.PUBLISH_UNDO)
            undone = await undo_scheduled(uow, article_id)
            if not undone:
                known = await uow.publications.list_for_article(article_id)
                hint = Hint.TAKE_OFF if any(each.status.is_live for each in known) else Hint.SHOW_PUBLICATIONS
                raise Conflict(ConflictReason.NOTHING_TO_UNDO, article_id, hint=hint)
            await self._record(uow, Action.PUBLISH_UNDO, undone[0])
            return undone

        undone = await self._database.run_in_transaction(work)
        try:
            await self._workflows.wake_publications(article_id)
        except EngineUnavailable as error:  # it finds that out when it wakes
            log.info("undoing_not_signalled", article=str(article_id), error=error.message)
        return undone

    async def take_off(
        self, article_id: ArticleId, *, target: TargetName = TargetName.FOLDER, colour: Colour | None = None
    ) -> PublicationResult:
        """Take the page off the target, and out of sitemap and feed.

        Its bytes are kept. What is scheduled is undone. Raises NotFound, NotPermitted, and Conflict when the target has
        no page of it.
        """

        async def work(uow: UnitOfWork) -> tuple[PublicationRecord, bool]:
            await self._lock(uow, article_id, Action.PUBLISH_TAKE_OFF)
            refuse_open(article_id, await uow.publications.list_open(article_id), PublicationStatus.PUBLISHING)
            await undo_scheduled(uow, article_id)
            last = await uow.publications.find_last_out(article_id, target)
            moved = await uow.publications.start_taking_off(last.id) if last else None
            if last is None or moved is None:
                raise Conflict(ConflictReason.NOT_PUBLISHED, article_id, hint=Hint.SHOW_PUBLICATIONS)
            is_new = last.status is not PublicationStatus.TAKING_OFF
            if is_new:
                await self._record(uow, Action.PUBLISH_TAKE_OFF, moved, before=last)
            return moved, is_new

        publication, is_new = await self._database.run_in_transaction(work)
        return await self._tell(publication, colour, is_new=is_new)

    async def restore(
        self, article_id: ArticleId, *, target: TargetName = TargetName.FOLDER, colour: Colour | None = None
    ) -> PublicationResult:
        """Publish the page again that was taken off.

        It is the same bytes, with their dates. Raises as ``publish`` does, and Conflict when the page that was taken
        off is not of the approved text.
        """

        async def work(uow: UnitOfWork) -> tuple[PublicationRecord, bool]:
            article = await self._lock(uow, article_id, Action.PUBLISH_RESTORE)
            revision = await ensured(uow, article.id)
            approved = await approved_text(uow, revision)
            if known := await find_same(uow, article.site, revision, target):
                return known, False
            last = await uow.publications.find_last_out(article.id, target)
            if last is None or last.content_hash != approved.content_hash:
                raise Conflict(ConflictReason.NOT_PUBLISHED, article.id, hint=Hint.SHOW_PUBLICATIONS)
            site = await uow.sites.get(article.site)
            html = await uow.publications.get_page(last.id)
            kept = last.model_dump(include=_KEPT_BY_RESTORE)
            due_at = await uow.publications.now() + site.publishing.undo
            restored = await uow.publications.add(html, **kept, requested_by=self._by.name, due_at=due_at)
            await self._record(uow, Action.PUBLISH_RESTORE, restored, before=last)
            return restored, True

        publication, is_new = await self._database.run_in_transaction(work)
        return await self._tell(publication, colour, is_new=is_new)

    async def verify(self, *, article_id: ArticleId | None = None, site: str | None = None) -> list[Verification]:
        """Read back what targets have, and store what is wrong.

        That is of one article or of a site. Raises NotFound, NotPermitted, Conflict for an article that is not
        published, and TargetUnavailable.
        """
        async with self._database.unit_of_work() as uow:
            slug = (await uow.articles.get(article_id)).site if article_id else site
            self._by.require(Action.PUBLISH_VERIFY, slug)
            live = await uow.publications.list_live((await uow.sites.get(slug)).slug) if slug else []
        live = [each for each in live if article_id in (None, each.article_id)]
        if article_id is not None and not live:
            raise Conflict(ConflictReason.NOT_PUBLISHED, article_id, hint=Hint.SHOW_PUBLICATIONS)
        return [await self._verify(publication) for publication in live]

    async def _verify(self, publication: PublicationRecord) -> Verification:
        verified, problems = await read_back(self._database, self._targets, publication)
        return Verification(publication=verified, problems=problems)

    # --- one request

    async def _lock(self, uow: UnitOfWork, article_id: ArticleId, action: Action) -> Article:
        """Return the article, once nobody else changes publications of its site."""
        article = await uow.articles.get(article_id)
        self._by.require(action, article.site)
        await uow.publications.lock(article.site)
        return await uow.articles.get(article_id)

    async def _record(
        self,
        uow: UnitOfWork,
        action: Action,
        publication: PublicationRecord,
        *,
        before: PublicationRecord | None = None,
    ) -> None:
        await record(uow, action, publication, by=self._by, before=before)

    async def _tell(self, publication: PublicationRecord, asked: Colour | None, *, is_new: bool) -> PublicationResult:
        async with self._database.unit_of_work() as uow:
            colour = asked or (await uow.routing.read()).active
        try:
            if publication.status.is_open:
                await self._workflows.start_publishing(publication.article_id, site=publication.site, colour=colour)
            has_workers = await self._workflows.has_workers(colour)
        except EngineUnavailable as error:
            raise EngineUnavailable(f"the publication is stored, but {error.message}", hint=Hint.REPEAT) from error
        return PublicationResult(publication=publication, is_new=is_new, colour=colour, has_workers=has_workers)


_KEPT_BY_RESTORE = {
    *("article_id", "site", "target", "revision", "content_hash", "path", "canonical", "reviewer", "approved_at"),
    *("forced", "published_at", "modified_at"),
}


def _reason(forced: str | None) -> str | None:
    if forced is None:
        return None
    words = " ".join(forced.split())
    if not 0 < len(words) <= _LONGEST_REASON:
        raise InputInvalid("forced", forced[:80], f"say why, in 1 to {_LONGEST_REASON} characters")
    return words
