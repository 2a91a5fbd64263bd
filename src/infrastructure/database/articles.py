"""Articles: queued with their batch, then changed by their workflow.

Each change is in its own transaction.

Every change of an article's status is a function of this module.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate

from src.domain.article import Article, ArticleRef, ArticleStatus, Failure
from src.domain.colour import Colour
from src.domain.errors import Conflict, ConflictReason, Hint, NotFound
from src.domain.ids import ArticleId, BatchId
from src.domain.longtail import LongtailStatus
from src.domain.paging import Excerpt, MomentPosition, Page
from src.domain.stages import Stage

from .article_summaries import summaries, to_article, to_failure
from .longtails import LongtailRepository, claimed_next, follow_article
from .pages import in_order
from .tables import ArticleRow, BatchArticleRow, BatchRow, LongtailRow, SiteRow, StageFailureRow, StageOutputRow

_UNFINISHED = (ArticleStatus.QUEUED, ArticleStatus.GENERATING)


def _ending(status: ArticleStatus, *columns: str) -> Update:
    """Return the statement that ends an article and moves its longtail.

    It is built once: that costs more than running it. A parameter named as a column would be set by every UPDATE in it.
    """
    article = (
        update(ArticleRow)
        .where(ArticleRow.id == bindparam("ended_id"), ArticleRow.status.in_(_ended_by_workflow(status)))
        .values(status=status, finished_at=func.now(), **{name: bindparam(name) for name in columns})
        .returning(ArticleRow.id, ArticleRow.batch_id, ArticleRow.longtail_id)
        .cte("ended")
    )
    outcome = _outcome(article, status).cte("outcome")
    return follow_article(article).add_cte(outcome).execution_options(synchronize_session=False)


def _ended_by_workflow(status: ArticleStatus) -> list[ArticleStatus]:
    """Return from where a workflow may end an article; decisions stand."""
    return [source for source in ArticleStatus.sources(status) if not source.is_decided]


def _outcome(articles: CTE, status: ArticleStatus | None) -> ReturningUpdate[Any]:
    """Return the statement that stores how articles ended in their batch.

    ``status`` None: they are under way again. ``articles`` has the columns ``id`` and ``batch_id``. What was finished
    there stays so, whatever becomes of the changes that a review asks for.
    """
    its = [BatchArticleRow.article_id == articles.c.id, BatchArticleRow.batch_id == articles.c.batch_id]
    if status is not None:
        its.append(BatchArticleRow.outcome.is_distinct_from(ArticleStatus.NEEDS_REVIEW))
    return update(BatchArticleRow).where(*its).values(outcome=status).returning(BatchArticleRow.article_id)


_FAILURE = ("failed_stage", "error_type", "error_message", "attempts")
_SAVE = _ending(ArticleStatus.NEEDS_REVIEW, "html", "content_hash", "words", "offline", "colour", *_FAILURE)
_FAIL = _ending(ArticleStatus.FAILED, "colour", *_FAILURE)
_CANCEL = _ending(ArticleStatus.CANCELLED)


def begun(article_id: BindParameter[Any]) -> CTE:
    """Return the statement that marks the article as generating.

    It is a part of the one that opens a call.
    """
    sources = [
        status for status in ArticleStatus.sources(ArticleStatus.GENERATING) if status is not ArticleStatus.GENERATING
    ]
    return (
        update(ArticleRow)
        .where(ArticleRow.id == article_id, ArticleRow.status.in_(sources))
        .values(
            status=ArticleStatus.GENERATING,
            started_at=func.coalesce(ArticleRow.started_at, func.now()),
            finished_at=None,
            **dict.fromkeys(_FAILURE),
        )
        .returning(ArticleRow.id)
        .cte("begun")
    )


_IN_LATEST_BATCH = and_(BatchArticleRow.article_id == ArticleRow.id, BatchArticleRow.batch_id == ArticleRow.batch_id)


class ArticleRepository:
    """The articles of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._longtails = LongtailRepository(session)

    # --- the workflow's side

    async def list_unfinished(
        self,
        batch_id: BatchId,
        *,
        first: int,
        end: int,
        or_cancelled_since: datetime | None = None,
        only_generating: bool = False,
    ) -> list[ArticleRef]:
        """Return the batch's unfinished articles in a range of positions.

        ``first`` is inclusive, ``end`` exclusive. Those that were cancelled since a time are among them, and with
        ``only_generating`` those that wait are not.
        """
        statuses = (ArticleStatus.GENERATING,) if only_generating else _UNFINISHED
        to_do: list[ColumnElement[bool]] = [ArticleRow.status.in_(statuses)]
        if or_cancelled_since is not None:
            was_cancelled = ArticleRow.status == ArticleStatus.CANCELLED
            to_do.append(and_(was_cancelled, ArticleRow.finished_at >= or_cancelled_since))
        rows = await self._session.scalars(
            select(ArticleRow)
            .join(BatchArticleRow, _IN_LATEST_BATCH)
            .where(
                ArticleRow.batch_id == batch_id,
                BatchArticleRow.position >= first,
                BatchArticleRow.position < end,
                or_(*to_do),
            )
            .order_by(BatchArticleRow.position)
        )
        return [_ref(row) for row in rows]

    async def lock_to_save(self, article_id: ArticleId) -> bool:
        """Lock the article; return whether its workflow may still save it.

        It may have been cancelled, or decided on, in the meantime.
        """
        locked = select(ArticleRow.status).where(ArticleRow.id == article_id).with_for_update(key_share=True)
        return await self._session.scalar(locked) in _ended_by_workflow(ArticleStatus.NEEDS_REVIEW)

    async def save(
        self,
        article_id: ArticleId,
        *,
        html: str,
        content_hash: str,
        words: int,
        offline: bool,
        colour: Colour | None = None,
    ) -> None:
        """Store the finished page; the article now needs a review.

        ``colour`` is whose worker made it.
        """
        columns = {"html": html, "content_hash": content_hash, "words": words, "offline": offline, "colour": colour}
        await self._session.execute(
            _SAVE,
            {
                "ended_id": article_id,
                **columns,
                **dict.fromkeys(_FAILURE),
                "longtail_status": LongtailStatus.WRITTEN,
                "reason": None,
            },
        )

    async def fail(self, article_id: ArticleId, failure: Failure, *, colour: Colour | None = None) -> None:
        """Store where and why the article stopped, and on whose worker."""
        await self._session.execute(
            _FAIL,
            {
                "ended_id": article_id,
                "colour": colour,
                "failed_stage": failure.stage,
                "error_type": failure.error_type,
                "error_message": failure.message,
                "attempts": failure.attempts,
                "longtail_status": LongtailStatus.FAILED,
                "reason": f"{failure.error_type}: {failure.message}"[:500],
            },
        )

    async def cancel(self, article_id: ArticleId) -> None:
        """Store that a person stopped the article.

        Its longtail is ready for another batch.
        """
        await self._session.execute(
            _CANCEL,
            {
                "ended_id": article_id,
                "longtail_status": LongtailStatus.READY,
                "reason": None,
            },
        )

    async def prepare_retry(self, article_id: ArticleId, *, from_stage: Stage | None) -> ArticleRef:
        """Queue a stopped article again and return what its workflow needs.

        Without ``from_stage`` it resumes at the stage that failed; one that is under way is left as it is, so that a
        workflow that was terminated can be started again. With ``from_stage`` a new revision keeps the stages
        before it and makes the others again. Raises Conflict when that does not fit, or the longtail went elsewhere.
        """
        row = await self._session.get(ArticleRow, article_id, with_for_update=True)
        if row is None:
            raise NotFound("article", article_id)
        if row.status in _UNFINISHED and from_stage is None:
            return _ref(row)
        if row.status in _UNFINISHED:
            raise Conflict(ConflictReason.ARTICLE_UNFINISHED, article_id, status=row.status, hint=Hint.CANCEL_BATCH)
        status = ArticleStatus(row.status)
        if not status.may_become(ArticleStatus.QUEUED):
            raise Conflict(ConflictReason.ARTICLE_DECIDED, article_id, status=status.value)
        if status.is_complete and from_stage is None:
            raise Conflict(ConflictReason.ARTICLE_COMPLETE, article_id, hint=Hint.REGENERATE_FROM_STAGE)
        if not await self._longtails.claim_for_article(row.longtail_id, article=status):
            raise Conflict(ConflictReason.LONGTAIL_TAKEN, row.keyword)
        if from_stage:
            row.revision += 1
        row.status, row.finished_at = ArticleStatus.QUEUED, None
        await self._session.flush()
        await self._begin_again([article_id], keep_outcome=status.is_decided)
        return _ref(row)

    async def _begin_again(self, article_ids: Sequence[ArticleId], *, keep_outcome: bool = False) -> None:
        """Forget how these ended in their latest batch, and their stages' failures."""
        queued = select(ArticleRow.id, ArticleRow.batch_id).where(ArticleRow.id.in_(article_ids)).cte("queued")
        if not keep_outcome:
            await self._session.execute(_outcome(queued, None), execution_options={"synchronize_session": False})
        await self._session.execute(delete(StageFailureRow).where(StageFailureRow.article_id.in_(article_ids)))

    # --- the reviewer's side

    async def decide(
        self,
        article_id: ArticleId,
        status: ArticleStatus,
        *,
        keyword: LongtailStatus | None = None,
        reason: str | None = None,
    ) -> bool:
        """Store what a review made of the article, and of its longtail.

        Return whether the article's status allowed it. ``keyword`` is one of the statuses that the longtail may have
        then, by default the usual one; ``reason`` is what its next article is told. What its batch counts stays.
        """
        longtail = keyword or status.keyword_statuses[0]
        assert longtail in status.keyword_statuses  # noqa: S101 - the caller chose from them
        reviewed = [source for source in ArticleStatus.sources(status) if source.is_complete and source is not status]
        decided = (
            update(ArticleRow)
            .where(ArticleRow.id == article_id, ArticleRow.status.in_(reviewed))
            .values(status=status)
            .returning(ArticleRow.longtail_id)
            .cte("decided")
        )
        moved = follow_article(decided).returning(LongtailRow.id).execution_options(synchronize_session=False)
        return await self._session.scalar(moved, {"longtail_status": longtail, "reason": reason}) is not None

    # --- the batch's side

    async def claim_next(self, batch_id: BatchId, site: str, *, limit: int) -> int:
        """Claim the site's next longtails, and return how many.

        An article of each is queued. A longtail whose newest article stopped before its end goes on with that one,
        whatever batch it was of. Any other gets a new article, whose brief is frozen now. Positions follow those that
        the batch has. ``limit`` is at least 1.
        """
        statement = _claiming(batch_id, site, limit=limit, first=await self._next_position(batch_id))
        article_ids = (await self._session.scalars(statement)).all()
        await self._session.execute(delete(StageFailureRow).where(StageFailureRow.article_id.in_(article_ids)))
        return len(article_ids)

    async def _next_position(self, batch_id: BatchId) -> int:
        following = select(func.coalesce(func.max(BatchArticleRow.position), -1) + 1)
        return await self._session.scalar(following.where(BatchArticleRow.batch_id == batch_id)) or 0

    async def requeue_stopped(self, batch_id: BatchId) -> None:
        """Queue the batch's stopped articles again.

        Those whose longtail belongs to another article are left out.
        """
        stopped = (
            ArticleRow.batch_id == batch_id,
            ArticleRow.status.in_([ArticleStatus.FAILED, ArticleStatus.CANCELLED]),
        )
        available = await self._longtails.lock_available(select(ArticleRow.longtail_id).where(*stopped))
        resumed = await self._session.execute(
            update(ArticleRow)
            .where(*stopped, ArticleRow.longtail_id.in_(available))
            .values(status=ArticleStatus.QUEUED, finished_at=None)
            .returning(ArticleRow.id, ArticleRow.longtail_id)
        )
        pairs = resumed.all()
        await self._begin_again([article_id for article_id, _ in pairs])
        await self._longtails.claim([longtail_id for _, longtail_id in pairs])

    async def cancel_unfinished(
        self, batch_id: BatchId, *, keep_generating: bool = False, spared: Collection[ArticleId] = ()
    ) -> list[ArticleId]:
        """Cancel what the batch has not finished, and return it.

        The longtails are ready again. With ``keep_generating`` articles under way are left to their workflows, and
        those ``spared`` in any case.
        """
        statuses = (ArticleStatus.QUEUED,) if keep_generating else _UNFINISHED
        of_batch = (ArticleRow.batch_id == batch_id, ArticleRow.status.in_(statuses))
        return await self._cancel(*of_batch, ArticleRow.id.not_in(spared))

    async def cancel_gone(self, article_ids: Sequence[ArticleId]) -> list[ArticleId]:
        """Cancel those of the articles that have not ended, and return them.

        Their workflows are gone. The longtails are ready again.
        """
        return await self._cancel(ArticleRow.id.in_(article_ids), ArticleRow.status.in_(_UNFINISHED))

    async def _cancel(self, *which: ColumnElement[bool]) -> list[ArticleId]:
        cancelled = await self._session.execute(
            update(ArticleRow)
            .where(*which)
            .values(status=ArticleStatus.CANCELLED, finished_at=func.now())
            .returning(ArticleRow.id, ArticleRow.longtail_id)
        )
        pairs = cancelled.all()
        article_ids = [article_id for article_id, _ in pairs]
        await self._session.execute(
            update(BatchArticleRow)
            .where(
                *(_IN_LATEST_BATCH, ArticleRow.id.in_(article_ids)),
                BatchArticleRow.outcome.is_distinct_from(ArticleStatus.NEEDS_REVIEW),
            )
            .values(outcome=ArticleStatus.CANCELLED)
            .execution_options(synchronize_session=False)
        )
        await self._longtails.release([longtail_id for _, longtail_id in pairs])
        return article_ids

    async def list_ids_unfinished(self, site: str | None = None) -> list[tuple[str, ArticleId]]:
        """Return site and id of every unfinished article.

        Those under way come first; ``site`` None is all sites.
        """
        statement = select(ArticleRow.site, ArticleRow.id).where(ArticleRow.status.in_(_UNFINISHED))
        if site is not None:
            statement = statement.where(ArticleRow.site == site)
        rows = await self._session.execute(statement.order_by(ArticleRow.status, ArticleRow.created_at))
        return [(slug, ArticleId(article_id)) for slug, article_id in rows]

    # --- the reader's side

    async def get(self, article_id: ArticleId) -> Article:
        """Return the article. Raises NotFound."""
        for article in await self._read(summaries().where(ArticleRow.id == article_id)):
            return article
        raise NotFound("article", article_id, hint=Hint.LIST_ARTICLES)

    async def get_status(self, article_id: ArticleId) -> ArticleStatus:
        """Return the article's status. Raises NotFound."""
        status = await self._session.scalar(select(ArticleRow.status).where(ArticleRow.id == article_id))
        if status is None:
            raise NotFound("article", article_id)
        return ArticleStatus(status)

    async def list_ended(
        self, article_ids: Sequence[ArticleId]
    ) -> list[tuple[ArticleId, ArticleStatus, Failure | None]]:
        """Return those of the articles that have ended, and how."""
        columns = (getattr(ArticleRow, name) for name in ("id", "status", *_FAILURE))
        ended = select(*columns).where(ArticleRow.id.in_(article_ids), ArticleRow.status.not_in(_UNFINISHED))
        return [(row.id, ArticleStatus(row.status), to_failure(row)) for row in await self._session.execute(ended)]

    async def list_ids_by_prefix(self, prefix: str, *, limit: int) -> list[ArticleId]:
        """Return ids that begin with ``prefix``, in lower case."""
        begins = cast(ArticleRow.id, Text).startswith(prefix, autoescape=True)
        return list(await self._session.scalars(select(ArticleRow.id).where(begins).limit(limit)))

    async def list_all(
        self,
        *,
        site: str | None = None,
        sites: Collection[str] | None = None,
        batch_id: BatchId | None = None,
        status: ArticleStatus | None = None,
        limit: int = 100,
    ) -> list[Article]:
        """Return the newest articles first, those of one batch in its order.

        ``sites`` None is all. With ``batch_id`` they are those that the batch had, as they are now.
        """
        member = BatchArticleRow.batch_id == (batch_id or ArticleRow.batch_id)
        statement = summaries().join(BatchArticleRow, and_(BatchArticleRow.article_id == ArticleRow.id, member))
        statement = statement.join(BatchRow, BatchRow.id == BatchArticleRow.batch_id)
        statement = statement.order_by(
            BatchRow.opened_at.desc(), BatchArticleRow.batch_id, BatchArticleRow.position
        ).limit(limit)
        if site:
            statement = statement.where(ArticleRow.site == site)
        if sites is not None:
            statement = statement.where(ArticleRow.site.in_(sites))
        if status:
            statement = statement.where(ArticleRow.status == status)
        return await self._read(statement)

    async def list_page(
        self,
        *,
        sites: Collection[str] | None,
        batch_id: BatchId | None,
        statuses: Collection[ArticleStatus],
        containing: str | None,
        struggling: bool = False,
        excerpt: Excerpt[MomentPosition],
    ) -> Page[Article, MomentPosition]:
        """Return a page of articles in the order of their making.

        ``sites`` None is all; no ``statuses`` are all. With ``batch_id`` those that the batch had, with ``containing``
        those whose keyword has this in it, ``struggling`` those of which a stage is tried again.
        """
        statement = summaries()
        if sites is not None:
            statement = statement.where(ArticleRow.site.in_(sites))
        if batch_id:
            member = BatchArticleRow.article_id == ArticleRow.id, BatchArticleRow.batch_id == batch_id
            statement = statement.where(exists().where(*member))
        if statuses:
            statement = statement.where(ArticleRow.status.in_(statuses))
        if containing:
            statement = statement.where(ArticleRow.keyword.icontains(containing, autoescape=True))
        if struggling:
            failed = StageFailureRow.article_id == ArticleRow.id, StageFailureRow.revision == ArticleRow.revision
            is_made = StageOutputRow.article_id == ArticleRow.id, StageOutputRow.revision == ArticleRow.revision
            done = exists().where(*is_made, StageOutputRow.stage == StageFailureRow.stage)
            its = exists().where(*failed, ~done.correlate(ArticleRow, StageFailureRow))
            statement = statement.where(ArticleRow.status == ArticleStatus.GENERATING, its)
        statement = in_order(statement, ArticleRow.created_at, ArticleRow.id, excerpt)
        found = await self._read(statement)
        return Page.of([(each, MomentPosition(at=each.created_at, id=each.id)) for each in found], excerpt.limit)

    async def count(self, site: str) -> int:
        """Return how many articles the site has."""
        return await self._session.scalar(select(func.count()).where(ArticleRow.site == site)) or 0

    async def find_html(self, article_id: ArticleId) -> str | None:
        """Return the complete page, None before there is one."""
        page: str | None = await self._session.scalar(select(ArticleRow.html).where(ArticleRow.id == article_id))
        return page

    async def _read(self, statement: Select[Any]) -> list[Article]:
        return [to_article(*row) for row in await self._session.execute(statement)]


def _claiming(batch_id: BatchId, site: str, *, limit: int, first: int) -> Select[Any]:
    """Return the statement that claims longtails for a batch.

    An article of each is put into it.
    """
    claimed = claimed_next(site, limit)
    newest = (
        select(ArticleRow.id, ArticleRow.status)
        .where(ArticleRow.longtail_id == claimed.c.id)
        .order_by(ArticleRow.created_at.desc())
        .limit(1)
        .lateral("newest")
    )
    unfinished = [ArticleStatus.FAILED, ArticleStatus.CANCELLED]
    stopped = select(newest.c.id).select_from(claimed).join(newest, true()).where(newest.c.status.in_(unfinished))
    taken_up = (
        update(ArticleRow)
        .where(ArticleRow.id.in_(stopped))
        .values(status=ArticleStatus.QUEUED, finished_at=None, batch_id=batch_id)
        .returning(ArticleRow.id, ArticleRow.longtail_id)
        .cte("taken_up")
    )
    made = (
        insert(ArticleRow)
        .from_select(
            ["id", "batch_id", "longtail_id", "site", "keyword", "brief"], _new(claimed, taken_up, batch_id, site)
        )
        .returning(ArticleRow.id, ArticleRow.longtail_id)
        .cte("made")
    )
    queued = union_all(select(taken_up), select(made)).cte("queued")
    position = func.row_number().over(order_by=(claimed.c.priority.desc(), claimed.c.number)) - 1 + literal(first)
    members = select(literal(batch_id), queued.c.id, position).join(claimed, claimed.c.id == queued.c.longtail_id)
    listed = (
        insert(BatchArticleRow)
        .from_select(["batch_id", "article_id", "position"], members)
        .returning(BatchArticleRow.article_id)
        .cte("listed")
    )
    return select(listed.c.article_id)


def _new(claimed: CTE, taken_up: CTE, batch_id: BatchId, site: str) -> Select[Any]:
    """Return the rows of new articles.

    They are of the longtails that none was taken up for.
    """
    brief = func.jsonb_build_object(
        *("date", func.to_char(func.timezone("UTC", func.now()), "YYYY-MM-DD")),
        *("volume", claimed.c.volume),
        *("difficulty", claimed.c.difficulty),
        *("intent", claimed.c.intent),
        *("review", claimed.c.reason),  # why the article before it was rejected
        *("site", SiteRow.description),
    )
    return (
        select(func.gen_random_uuid(), literal(batch_id), claimed.c.id, literal(site), claimed.c.phrase, brief)
        .join(SiteRow, SiteRow.slug == site)
        .where(claimed.c.id.not_in(select(taken_up.c.longtail_id)))
    )


def _ref(row: ArticleRow) -> ArticleRef:
    return ArticleRef(article_id=row.id, site=row.site, keyword=row.keyword, revision=row.revision)
