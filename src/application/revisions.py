"""Revisions of articles: compared, edited by people, made of older texts."""

from collections.abc import Collection
from datetime import UTC

from pydantic import BaseModel, ConfigDict

from src.domain.article import ArticleStatus
from src.domain.content import Content
from src.domain.difference import Difference
from src.domain.edit import TextEdit
from src.domain.errors import Conflict, ConflictReason, Hint, InputInvalid, NotFound, TextReplaced
from src.domain.finding import RevisionFinding
from src.domain.ids import ArticleId
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.review import DecisionKind
from src.domain.revision import Revision, RevisionSummary
from src.infrastructure.database.machine_texts import read_machine_text, store_machine_text
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.quality.findings import check
from src.rendering.differences import combine, compare
from src.rendering.edits import agree, edited

SHORTEST_HASH = 8  # characters by which people call a text


class EditResult(BaseModel):
    """What became of an edit."""

    model_config = ConfigDict(frozen=True)

    revision: Revision  # the newest one now
    is_new: bool  # False: the edit changed nothing, or was stored before
    status: ArticleStatus  # of the article now
    findings: list[RevisionFinding]  # in that revision, the worst first


async def ensure_revision(database: Database, article_id: ArticleId) -> Revision:
    """Return the article's newest revision; store what its stages made first.

    A revision and its findings are made of the stages' outputs where there is none of them yet. Raises NotFound, and
    Conflict for an article whose text is not complete.
    """

    return await database.run_in_transaction(lambda uow: ensured(uow, article_id))


async def ensured(uow: UnitOfWork, article_id: ArticleId) -> Revision:
    """Do what ``ensure_revision`` does, in a transaction of the caller's.

    The article is locked until that ends, so that no newer revision is added meanwhile.
    """
    latest = await uow.revisions.lock_latest(article_id)
    article = await uow.articles.get(article_id)
    if not article.status.is_complete:
        raise Conflict(ConflictReason.ARTICLE_HAS_NO_PAGE, article_id, hint=Hint.SHOW_ARTICLE)
    known = await uow.revisions.list_for_article(article_id)
    if not any(revision.stage_revision == article.stage_revision for revision in known):
        await store_machine_text(uow, article_id, await read_machine_text(uow, article_id, article.stage_revision))
        latest = await uow.revisions.find_latest(article_id)
    assert latest is not None  # noqa: S101 - it was stored above
    return latest


async def get_difference(
    database: Database, article_id: ArticleId, *, by: Principal, before: int | None = None, after: int | None = None
) -> Difference:
    """Return what differs between two revisions of the article.

    ``after`` None is the newest one, ``before`` None the one that ``after`` was made of. Raises NotPermitted, and
    NotFound, also for an article that has one revision only.
    """
    async with database.unit_of_work() as uow:
        by.require(Action.SITE_READ, (await uow.articles.get(article_id)).site)
        later = await uow.revisions.get(article_id, after or await _newest(uow, article_id))
        number = before or later.parent
        if number is None:
            raise NotFound("revision before", later.number, article=article_id, hint=Hint.SHOW_ARTICLE)
        earlier = await uow.revisions.get(article_id, number)
    return _difference(earlier, later)


class Revisions:
    """Texts as one person changes them."""

    def __init__(self, database: Database, *, by: Principal) -> None:
        self._database = database
        self._by = by

    async def edit(
        self, article_id: ArticleId, edit: TextEdit, *, parent: str, keep_others: bool = False
    ) -> EditResult:
        """Store what a person made of ``parent``, the beginning of a hash.

        It is a revision of its own and awaits a review, also of an article that was approved. Text that comes back
        untouched makes no revision; an edit that is repeated makes one. With ``keep_others`` it is made of the newest
        text where that has changed in other parts only.

        Raises NotFound, NotPermitted, InputInvalid, Conflict for an article that is not to be edited, and
        TextReplaced when ``parent`` is no longer the newest text.
        """

        require_hash(parent)

        async def work(uow: UnitOfWork) -> EditResult:
            article = await uow.articles.get(article_id)
            self._by.require(Action.REVIEW_EDIT, article.site)
            latest = await ensured(uow, article_id)
            base = latest
            if not latest.content_hash.startswith(parent):
                base = await self._find_base(uow, article_id, parent)
                if keep_others and agree(edit, base.content, latest.content):
                    base = latest
            content = edited(base.content, edit)
            if base is not latest and content.hash != latest.content_hash:
                raise await text_replaced(uow, parent, latest)
            return await self._store(uow, latest, content)

        return await self._database.run_in_transaction(work)

    async def accept(
        self, article_id: ArticleId, hunks: Collection[str], *, before: int, after: int, parent: str
    ) -> EditResult:
        """Store revision ``before`` with some of what differs in ``after``.

        One of the two is the newest revision, and ``parent`` is the newest text's hash. ``hunks`` are ids of
        ``get_difference``. Raises as ``edit`` does, and InputInvalid for hunks of another comparison.
        """

        async def work(uow: UnitOfWork) -> EditResult:
            article = await uow.articles.get(article_id)
            self._by.require(Action.REVIEW_EDIT, article.site)
            latest = await ensured(uow, article_id)
            if parent != latest.content_hash or latest.number not in (before, after):
                raise await text_replaced(uow, parent, latest)
            earlier = await uow.revisions.get(article_id, before)
            later = await uow.revisions.get(article_id, after)
            known = {hunk.id for hunk in compare(earlier.content, later.content)}
            for unknown in set(hunks) - known:
                remedy = f"take the ids of what differs between the revisions {before} and {after}"
                raise InputInvalid("hunks", unknown, remedy, reason="unknown")
            return await self._store(uow, latest, combine(earlier.content, later.content, hunks))

        return await self._database.run_in_transaction(work)

    async def _find_base(self, uow: UnitOfWork, article_id: ArticleId, content_hash: str) -> Revision:
        if base := await uow.revisions.find_by_hash(article_id, content_hash):
            return base
        raise NotFound("revision", content_hash, article=article_id, hint=Hint.SHOW_ARTICLE)

    async def _store(self, uow: UnitOfWork, latest: Revision, content: Content) -> EditResult:
        """Store the text after ``latest``, whose article is locked."""
        article_id = latest.article_id
        status = await uow.articles.get_status(article_id)
        if content.hash == latest.content_hash:
            found = await uow.findings.list_for_revision(article_id, latest.number)
            return EditResult(revision=latest, is_new=False, status=status, findings=found)
        if not status.is_editable:
            raise Conflict(ConflictReason.ARTICLE_NOT_EDITABLE, article_id, status=status.value, hint=Hint.SHOW_ARTICLE)
        revision, _ = await uow.revisions.add_human(article_id, content, author=self._by.name, parent=latest.number)
        site = await uow.stage_outputs.get_site(article_id)
        await uow.findings.store(article_id, revision.number, check(content, site))
        if status is not ArticleStatus.NEEDS_REVIEW:
            await uow.articles.decide(article_id, ArticleStatus.NEEDS_REVIEW)
        await uow.decisions.add(
            article_id,
            DecisionKind.EDIT,
            by=self._by.name,
            revision=latest.number,
            from_status=status,
            to_status=ArticleStatus.NEEDS_REVIEW,
            from_hash=latest.content_hash,
            to_hash=revision.content_hash,
        )
        await uow.reviews.begin_waiting(article_id)
        found = await uow.findings.list_for_revision(article_id, revision.number)
        await uow.audit.record(
            Action.REVIEW_EDIT,
            str(article_id),
            by=self._by,
            site=site.slug,
            before=_state(status, latest),
            after=_state(ArticleStatus.NEEDS_REVIEW, revision),
        )
        return EditResult(revision=revision, is_new=True, status=ArticleStatus.NEEDS_REVIEW, findings=found)


async def _newest(uow: UnitOfWork, article_id: ArticleId) -> int:
    latest = await uow.revisions.find_latest(article_id)
    if latest is None:
        raise Conflict(ConflictReason.ARTICLE_HAS_NO_PAGE, article_id, hint=Hint.SHOW_ARTICLE)
    return latest.number


def _difference(before: Revision, after: Revision) -> Difference:
    names = set(RevisionSummary.model_fields)
    return Difference(
        before=RevisionSummary(**before.model_dump(include=names)),
        after=RevisionSummary(**after.model_dump(include=names)),
        hunks=compare(before.content, after.content),
    )


def require_hash(given: str) -> None:
    """Raise InputInvalid for what is too short to name a text."""
    if len(given) < SHORTEST_HASH:
        raise InputInvalid("hash", given, f"give at least {SHORTEST_HASH} characters of the text's hash")


async def text_replaced(uow: UnitOfWork, expected: str, latest: Revision) -> TextReplaced:
    """Return the error that names who replaced the text.

    The text's hash begins with ``expected``."""
    known = await uow.revisions.list_for_article(latest.article_id)
    was = next((each.number for each in reversed(known) if each.content_hash.startswith(expected)), None)
    return TextReplaced(
        latest.article_id,
        expected=expected,
        current=latest.content_hash,
        revision=latest.number,
        by=latest.author or latest.made_by.value,
        at=latest.created_at.astimezone(UTC),
        expected_revision=was,
    )


def _state(status: ArticleStatus, revision: Revision) -> dict[str, object]:
    return {"status": status.value, "revision": revision.number, "content_hash": revision.content_hash}
