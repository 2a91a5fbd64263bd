"""Shows what waits for a review, and keeps what reviewers leave.

That is claims, assignees, comments and what was seen.

These are rows and no workflow's business. A claim only tells others that somebody looks; it stops nobody.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from src.domain.article import Article, ArticleStatus
from src.domain.content import Approval, Content, Publication
from src.domain.errors import Conflict, ConflictReason, Hint, InputInvalid, NotFound
from src.domain.finding import RevisionFinding
from src.domain.ids import ArticleId
from src.domain.paging import Excerpt, MomentPosition, Order, Page
from src.domain.permissions import Action
from src.domain.person import parse_name, public_name
from src.domain.principal import Principal
from src.domain.review import Comment, CommentId, Decision, Review, approvals_of, parse_note
from src.domain.revision import Revision, RevisionSummary
from src.domain.text import beginning
from src.infrastructure.database.reviews import LockedArticle, QueuedReview
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .revisions import ensured


class ReviewDetails(BaseModel):
    """All that a reviewer needs of an article.

    Attributes:
        text: the newest revision.
        findings: in the newest revision, the worst first.
        decisions: the oldest first.
        approvals: who approved the newest text, and still counts.
        approvals_needed: how many people the site wants.
        unseen: ids of sections that are new or changed since this person saw them; empty: what stands before them.
    """

    model_config = ConfigDict(frozen=True)

    article: Article
    review: Review
    text: Revision
    revisions: list[RevisionSummary]
    findings: list[RevisionFinding]
    decisions: list[Decision]
    comments: list[Comment]
    approvals: list[str]
    approvals_needed: int
    unseen: list[str]


async def list_reviews(
    database: Database,
    *,
    by: Principal,
    site: str | None = None,
    status: ArticleStatus = ArticleStatus.NEEDS_REVIEW,
    assignee: str | None = None,
    snoozed: bool = False,
    limit: int,
) -> list[QueuedReview]:
    """Return the queue of those sites that somebody may read.

    The longest waiting comes first. Raises NotFound, NotPermitted.
    """
    page = await list_review_page(
        database,
        by=by,
        site=site,
        statuses=(status,),
        assignee=assignee,
        snoozed=snoozed,
        excerpt=Excerpt(limit=limit, order=Order.OLDEST),
    )
    return page.items


async def count_snoozed(
    database: Database,
    *,
    by: Principal,
    site: str | None = None,
    status: ArticleStatus = ArticleStatus.NEEDS_REVIEW,
    assignee: str | None = None,
) -> int:
    """Return how many reviews ``list_reviews`` leaves out because they are put off.

    Raises NotPermitted.
    """
    sites = by.sites_of(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        return await uow.reviews.count_snoozed(sites=sites, status=status, assignee=assignee)


async def list_review_page(  # noqa: PLR0913 - each is a filter
    database: Database,
    *,
    by: Principal,
    site: str | None = None,
    statuses: Collection[ArticleStatus] = (ArticleStatus.NEEDS_REVIEW,),
    assignee: str | None = None,
    claimed: bool | None = None,
    snoozed: bool = False,
    excerpt: Excerpt[MomentPosition],
) -> Page[QueuedReview, MomentPosition]:
    """Return a page of the reviews that somebody may read.

    They are in the order of their waiting. ``claimed`` says whether somebody looks at them now. Raises NotFound for an
    unknown site, and NotPermitted.
    """
    sites = by.sites_of(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        if site is not None:
            await uow.sites.get(site)
        return await uow.reviews.list_queue(
            sites=sites, statuses=statuses, assignee=assignee, claimed=claimed, snoozed=snoozed, excerpt=excerpt
        )


async def get_review(database: Database, article_id: ArticleId, *, by: Principal) -> ReviewDetails:
    """Return the article's review.

    That of an older version is made now. Raises NotFound, NotPermitted, Conflict.
    """
    async with database.unit_of_work() as uow:
        site, is_ready = await uow.reviews.find_site(article_id)
    by.require(Action.SITE_READ, site)
    if not is_ready:
        await database.run_in_transaction(lambda uow: _make_ready(uow, article_id))
    async with database.unit_of_work() as uow:
        await uow.audit.see_one_moment()  # nothing changes between the reads, and nobody has to wait for them
        text = await uow.revisions.find_latest(article_id)
        assert text is not None  # noqa: S101 - it was made above
        decisions = await uow.decisions.list_for_article(article_id)
        seen = await uow.comments.list_seen(article_id, by.name)
        return ReviewDetails(
            article=await uow.articles.get(article_id),
            review=await uow.reviews.get(article_id),
            text=text,
            revisions=await uow.revisions.list_for_article(article_id),
            findings=await uow.findings.list_for_revision(article_id, text.number),
            decisions=decisions,
            comments=await uow.comments.list_for_article(article_id),
            approvals=[each.by for each in approvals_of(decisions, text.content_hash)],
            approvals_needed=(await uow.sites.get(site)).review.approvals,
            unseen=[block for block, known in text.content.block_hashes.items() if seen.get(block) != known],
        )


async def _make_ready(uow: UnitOfWork, article_id: ArticleId) -> None:
    """Make text and review of an article that an older version finished."""
    await uow.reviews.lock(article_id)
    await ensured(uow, article_id)


async def get_review_page(database: Database, article_id: ArticleId, *, by: Principal) -> str:
    """Return the page as this person's approval would make it now.

    Raises NotFound, NotPermitted, Conflict.
    """
    from src.rendering.page import render  # noqa: PLC0415 - its template engine is slow to load, and lists need none

    details = await get_review(database, article_id, by=by)
    now = datetime.now(UTC).replace(microsecond=0)
    name = public_name(by.name, by.person)
    content: Content = details.text.content
    publication = Publication(published_at=now, modified_at=now, canonical=content.address)
    return render(content, Approval(reviewer=name, at=now), publication)


class Reviews:
    """What one person does at reviews without deciding."""

    def __init__(self, database: Database, *, by: Principal) -> None:
        self._database = database
        self._by = by

    async def claim(self, article_id: ArticleId, *, take_over: bool = False) -> Review:
        """Note that this person looks at it, for ten minutes.

        Repeat it with each step. Raises NotFound, NotPermitted, and Conflict while another has it, unless
        ``take_over``.
        """
        async with self._database.unit_of_work() as uow:
            article = await self._lock(uow, article_id, Action.REVIEW_CLAIM)
            before = _holder(await uow.reviews.get(article_id), article.now)
            if before is not None and before[0] != self._by.name and not take_over:
                until = f"{before[1].astimezone(UTC):%H:%M} UTC"
                raise Conflict(
                    ConflictReason.CLAIMED, article_id, by=before[0], until=until, hint=Hint.TAKE_OVER_REVIEW
                )
            claimed = await uow.reviews.claim(article_id, self._by.name)
            if before is None or before[0] != self._by.name:
                was = {"claimed_by": before[0]} if before else None
                await self._record(uow, Action.REVIEW_CLAIM, article, was, {"claimed_by": self._by.name})
            return claimed

    async def release(self, article_id: ArticleId) -> Review:
        """End this person's claim; that of another stays. Raises NotFound, NotPermitted."""
        async with self._database.unit_of_work() as uow:
            article = await self._lock(uow, article_id, Action.REVIEW_CLAIM)
            review = await uow.reviews.get(article_id)
            if review.claimed_by != self._by.name:
                return review
            released = await uow.reviews.set(article_id, claimed_by=None, claimed_until=None)
            await self._record(uow, Action.REVIEW_CLAIM, article, {"claimed_by": self._by.name}, {"claimed_by": None})
            return released

    async def assign(self, article_id: ArticleId, person: str | None) -> Review:
        """Give the article to a person, None for nobody.

        Raises NotFound, NotPermitted, InputInvalid.
        """
        async with self._database.unit_of_work() as uow:
            article = await self._lock(uow, article_id, Action.REVIEW_ASSIGN)
            if person is not None:
                await uow.users.get(parse_name(person, "assignee"))
            before = (await uow.reviews.get(article_id)).assignee
            review = await uow.reviews.set(article_id, assignee=person)
            if person != before:
                await self._record(uow, Action.REVIEW_ASSIGN, article, {"assignee": before}, {"assignee": person})
            return review

    async def comment(
        self, article_id: ArticleId, text: str, *, block: str | None = None, span: str | None = None
    ) -> Comment:
        """Leave a comment at a section of the newest text.

        With ``span`` it is about these words.

        Raises NotFound, NotPermitted, InputInvalid, also for words that do not stand there.
        """
        words = parse_note(text, "text")
        async with self._database.unit_of_work() as uow:
            article = await self._lock(uow, article_id, Action.REVIEW_COMMENT)
            latest = await ensured(uow, article_id)
            known = [section.id for section in latest.content.sections]
            if block is not None and block not in known:
                raise NotFound("section", block, known=known)
            quoted = _quoted(latest.content, block, span) if span is not None else None
            comment = await uow.comments.add(
                article_id, latest.number, block, span=quoted, by=self._by.name, text=words
            )
            after = {"comment": str(comment.id), "block": block, "span": quoted, "text": words}
            await self._record(uow, Action.REVIEW_COMMENT, article, None, after)
            return comment

    async def resolve(self, article_id: ArticleId, comment_id: CommentId) -> Comment:
        """Note that a comment is settled; the first who does stays.

        Raises NotFound, NotPermitted.
        """
        async with self._database.unit_of_work() as uow:
            article = await self._lock(uow, article_id, Action.REVIEW_COMMENT)
            comment = await uow.comments.resolve(article_id, comment_id, by=self._by.name)
            after = {"comment": str(comment_id), "resolved_by": comment.resolved_by}
            await self._record(uow, Action.REVIEW_COMMENT, article, None, after)
            return comment

    async def see(self, article_id: ArticleId, blocks: list[str] | None = None) -> list[str]:
        """Note that this person has seen blocks of the newest text.

        None is all of them. Return those that are left.

        It is no change of the article and stays out of the audit trail. Raises NotFound, NotPermitted.
        """
        async with self._database.unit_of_work() as uow:
            article = await uow.reviews.lock(article_id)
            self._by.require(Action.SITE_READ, article.site)
            hashes = (await ensured(uow, article_id)).content.block_hashes
            seen = {block: hashes[block] for block in (hashes if blocks is None else blocks) if block in hashes}
            await uow.comments.see(article_id, self._by.name, seen)
            known = await uow.comments.list_seen(article_id, self._by.name)
            return [block for block, now in hashes.items() if known.get(block) != now]

    async def _lock(self, uow: UnitOfWork, article_id: ArticleId, action: Action) -> LockedArticle:
        article = await uow.reviews.lock(article_id)
        self._by.require(action, article.site)
        return article

    async def _record(
        self,
        uow: UnitOfWork,
        action: Action,
        article: LockedArticle,
        before: dict[str, Any] | None,
        after: dict[str, Any],
    ) -> None:
        await uow.audit.record(action, str(article.id), by=self._by, site=article.site, before=before, after=after)


def _quoted(content: Content, block: str | None, span: str) -> str:
    """Return the quoted words as they stand in the block. Raises InputInvalid."""
    from src.quality.fragment import Fragment  # noqa: PLC0415 - an HTML parser, for those who quote alone

    words = " ".join(parse_note(span, "span").split())
    parts = [
        content.h1,
        content.introduction,
        *(html for each in content.sections for html in (each.heading, each.html)),
    ]
    if block is not None:
        parts = [html for each in content.sections if each.id == block for html in (each.heading, each.html)]
    if not any(words in Fragment(part).text for part in parts):
        where = f"section {block!r}" if block is not None else "the text"
        raise InputInvalid("span", beginning(span), f"these words do not stand in {where}", reason="not_found")
    return words


def _holder(review: Review, now: datetime) -> tuple[str, datetime] | None:
    """Return who has claimed it, and until when; None once that lapsed."""
    if review.claimed_by is None or review.claimed_until is None or review.claimed_until <= now:
        return None
    return review.claimed_by, review.claimed_until
