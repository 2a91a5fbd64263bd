"""Carries out publications; each step may be repeated after any crash.

That the target is about to be asked is committed before it is. Then, while nobody else writes to the site's targets,
the page is looked for, sent if it is not there, listed in sitemap and feed, and noted: what a crash cut off is found
by the next attempt and brought to the same end.
"""

from datetime import UTC

import structlog

from src.domain.article import ArticleStatus
from src.domain.errors import TargetRefused, TargetUnavailable
from src.domain.ids import ArticleId
from src.domain.publishing import (
    Channel,
    Page,
    PublicationId,
    PublicationRecord,
    PublicationStatus,
    PublicationStep,
    TargetName,
    Targets,
)
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.rendering.feed import FEED, feed
from src.rendering.read_back import problems_of
from src.rendering.sitemap import sitemap

log = structlog.get_logger()

_NOT_APPROVED = "its text is no longer the approved one"


class PublicationRuns:
    """Publications as a worker carries them out."""

    def __init__(self, database: Database, targets: Targets) -> None:
        self._database = database
        self._targets = targets

    async def look(self, article_id: ArticleId) -> PublicationStep:
        """Return what is due and what is waited for."""
        async with self._database.unit_of_work() as uow:
            now = await uow.publications.now()
            known = await uow.publications.list_open(article_id)
        waiting = [each for each in known if each.status is PublicationStatus.SCHEDULED and each.due_at > now]
        due = tuple(each.id for each in known if each not in waiting)
        return PublicationStep(due=due, wake_at=min((each.due_at.astimezone(UTC) for each in waiting), default=None))

    async def carry_out(self, publication_id: PublicationId) -> PublicationStatus:
        """Publish it or take it off; safe to repeat.

        Raises TargetUnavailable and TargetAnswerUnknown.
        """
        publication = await self._database.run_in_transaction(lambda uow: self._begin(uow, publication_id))
        try:
            if publication.status is PublicationStatus.PUBLISHING:
                await self._database.run_in_transaction(lambda uow: self._publish(uow, publication))
            elif publication.status is PublicationStatus.TAKING_OFF:
                await self._database.run_in_transaction(lambda uow: self._take_off(uow, publication))
        except TargetRefused as error:
            return await self._refuse(publication_id, error.message)
        except TargetUnavailable as error:  # tried again; people see why it waits
            problem = error.message
            await self._database.run_in_transaction(lambda uow: uow.publications.note(publication_id, problem))
            raise
        return await self._verify(publication_id)

    async def _refuse(self, publication_id: PublicationId, problem: str) -> PublicationStatus:
        """Note why it will never be done; nothing is read back."""
        log.warning("publication_refused", publication=str(publication_id), error=problem)
        await self._database.run_in_transaction(lambda uow: uow.publications.refuse(publication_id, problem))
        async with self._database.unit_of_work() as uow:
            return (await uow.publications.get(publication_id)).status

    async def _begin(self, uow: UnitOfWork, publication_id: PublicationId) -> PublicationRecord:
        """Note that the target is about to be asked.

        What is no longer approved is undone."""
        publication = await uow.publications.get(publication_id)
        if publication.status is not PublicationStatus.SCHEDULED:
            return publication
        await uow.publications.lock(publication.site)
        if await self._is_approved(uow, publication):
            await uow.publications.begin(publication_id)
        else:
            await uow.publications.undo(publication_id, problem=_NOT_APPROVED)
        return await uow.publications.get(publication_id)

    async def _publish(self, uow: UnitOfWork, begun: PublicationRecord) -> None:
        await uow.publications.lock(begun.site)
        is_approved = await self._is_approved(uow, begun)
        publication = await uow.publications.get(begun.id)
        if publication.status is not PublicationStatus.PUBLISHING:
            return
        target, key = self._targets(publication.site, publication.target), str(publication.article_id)
        if await target.find(key) != publication.page_hash:
            if not is_approved:  # and it never went out
                await uow.publications.refuse(publication.id, _NOT_APPROVED)
                return
            html = await uow.publications.get_page(publication.id)
            await target.put(Page(key=key, path=publication.path, html=html, assets={}))
        await uow.publications.set_live(publication)
        if not is_approved:  # that was taken back while the target was asked
            await uow.publications.withdraw(publication.article_id)
        await self._announce(uow, publication)

    async def _is_approved(self, uow: UnitOfWork, publication: PublicationRecord) -> bool:
        """Return whether its text is the approved one.

        That stays until the transaction ends."""
        newest = await uow.revisions.lock_latest(publication.article_id)
        status = await uow.articles.get_status(publication.article_id)
        is_newest = newest is not None and newest.content_hash == publication.content_hash
        return status is ArticleStatus.APPROVED and is_newest

    async def _take_off(self, uow: UnitOfWork, begun: PublicationRecord) -> None:
        await uow.publications.lock(begun.site)
        publication = await uow.publications.get(begun.id)
        if publication.status is not PublicationStatus.TAKING_OFF:
            return
        await self._announce(uow, publication)  # first, so that nothing lists a page that is not there
        target = self._targets(publication.site, publication.target)
        await target.take_off(str(publication.article_id), publication.path)
        await uow.publications.set_taken_off(publication.id)

    async def _announce(self, uow: UnitOfWork, publication: PublicationRecord) -> None:
        channel = await channel_of(uow, publication.site, publication.target)
        files = {**sitemap(channel), FEED: feed(channel)}
        await self._targets(publication.site, publication.target).announce(files)

    async def _verify(self, publication_id: PublicationId) -> PublicationStatus:
        async with self._database.unit_of_work() as uow:
            publication = await uow.publications.get(publication_id)
        if not publication.status.is_live:
            return publication.status
        verified, problems = await read_back(self._database, self._targets, publication)
        if problems:
            log.warning("publication_differs", publication=str(publication_id), problems=problems)
        return verified.status


async def channel_of(uow: UnitOfWork, site: str, target: TargetName) -> Channel:
    """Return what sitemap and feed of the site list now."""
    described = await uow.sites.get(site)
    return Channel(
        site_name=described.name,
        home=str(described.base_url),
        language=described.language,
        listings=await uow.publications.list_listings(site, target),
        changed_at=(await uow.publications.now()).astimezone(UTC),
    )


async def read_back(
    database: Database, targets: Targets, publication: PublicationRecord
) -> tuple[PublicationRecord, list[str]]:
    """Compare what the target has with what was sent; store that."""
    found = await targets(publication.site, publication.target).read(str(publication.article_id))
    problems = problems_of(
        found,
        page_hash=publication.page_hash,
        canonical=publication.canonical,
        may_be_indexed=publication.forced is None,
    )
    async with database.unit_of_work() as uow:
        stored = await uow.publications.set_verified(publication.id, "; ".join(problems) or None)
    return stored or publication, problems
