"""Longtails: imported once each, claimed by one batch at a time.

Every change of a longtail's status is a function of this module.
"""

from collections.abc import Sequence
from itertools import islice

from sqlalchemy import CTE, Select, Update, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.errors import Hint, NotFound
from src.domain.ids import ArticleId, LongtailId
from src.domain.longtail import Longtail, LongtailRecord, LongtailStatus, phrase_key, slug_choices
from src.domain.paging import ClaimPosition, Excerpt, Page

from .tables import ArticleRow, LongtailRow

_SLUGS_A_STATEMENT = 20
_ROWS_A_STATEMENT = 1000  # PostgreSQL takes 65,535 parameters a statement


def follow_article(article: CTE) -> Update:
    """Return the statement that moves a changed article's longtail.

    Its parameters are ``longtail_status`` and ``reason``; ``article`` has the column ``longtail_id``.
    """
    statement = update(LongtailRow).where(LongtailRow.id == article.c.longtail_id)
    return statement.values(status=bindparam("longtail_status"), reason=bindparam("reason"))


def claimed_next(site: str, limit: int) -> CTE:
    """Return the statement that claims the site's next ready longtails.

    Two batches never get the same one.
    """
    next_ids = (
        select(LongtailRow.id)
        .where(LongtailRow.site == site, LongtailRow.status == LongtailStatus.READY)
        .order_by(LongtailRow.priority.desc(), LongtailRow.number)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("next")  # read once, whatever the plan: a second scan would skip what the first one locked
    )
    return (
        update(LongtailRow)
        .where(LongtailRow.id.in_(select(next_ids.c.id)))
        .values(status=LongtailStatus.CLAIMED)
        .returning(
            *(LongtailRow.id, LongtailRow.phrase, LongtailRow.priority, LongtailRow.number),
            *(LongtailRow.volume, LongtailRow.difficulty, LongtailRow.intent, LongtailRow.reason),
        )
        .cte("claimed")
    )


class LongtailRepository:
    """The longtails of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self,
        site: str,
        longtails: Sequence[Longtail],
        *,
        source: str,
        status: LongtailStatus = LongtailStatus.READY,
        reason: str | None = None,
    ) -> int:
        """Insert those that the site does not have, in their order.

        Return how many were new.
        """
        same = {"site": site, "source": source, "status": status, "reason": reason}
        added = 0
        for start in range(0, len(longtails), _ROWS_A_STATEMENT):
            rows = [
                {**longtail.model_dump(), "key": longtail.key, **same}
                for longtail in longtails[start : start + _ROWS_A_STATEMENT]
            ]
            statement = insert(LongtailRow).values(rows).on_conflict_do_nothing(index_elements=["site", "key"])
            added += len((await self._session.scalars(statement.returning(LongtailRow.id))).all())
        return added

    async def find_known(self, site: str, keys: Sequence[str]) -> dict[str, Longtail]:
        """Return those of ``keys`` that the site has, as it keeps them."""
        columns = [getattr(LongtailRow, name) for name in Longtail.model_fields]
        statement = select(LongtailRow.key, *columns).where(
            LongtailRow.site == site, LongtailRow.key == func.any(list(keys))
        )
        rows = await self._session.execute(statement)
        return {row.key: Longtail.model_validate(row, from_attributes=True) for row in rows}

    async def list_for_site(
        self, site: str, *, status: LongtailStatus | None = None, limit: int = 1000
    ) -> list[LongtailRecord]:
        """Return the site's longtails in the order of claiming."""
        statement = select(LongtailRow).where(LongtailRow.site == site)
        if status:
            statement = statement.where(LongtailRow.status == status)
        order = statement.order_by(LongtailRow.priority.desc(), LongtailRow.number).limit(limit)
        return [LongtailRecord.model_validate(row) for row in await self._session.scalars(order)]

    async def list_page(
        self,
        site: str,
        *,
        status: LongtailStatus | None,
        containing: str | None,
        excerpt: Excerpt[ClaimPosition],
    ) -> Page[LongtailRecord, ClaimPosition]:
        """Return a page of the site's longtails in the order of claiming.

        With ``containing`` those whose phrase has this in it, in any case.
        """
        statement = select(LongtailRow).where(LongtailRow.site == site)
        if status:
            statement = statement.where(LongtailRow.status == status)
        if containing:
            statement = statement.where(LongtailRow.phrase.icontains(containing, autoescape=True))
        if after := excerpt.after:
            later = and_(LongtailRow.priority == after.priority, LongtailRow.number > after.number)
            statement = statement.where(or_(LongtailRow.priority < after.priority, later))
        rows = await self._session.scalars(
            statement.order_by(LongtailRow.priority.desc(), LongtailRow.number).limit(excerpt.limit + 1)
        )
        found = [
            (LongtailRecord.model_validate(row), ClaimPosition(priority=row.priority, number=row.number))
            for row in rows
        ]
        return Page.of(found, excerpt.limit)

    async def count_by_status(self, site: str) -> dict[LongtailStatus, int]:
        """Return how many longtails the site has in each status."""
        statement = select(LongtailRow.status, func.count()).where(LongtailRow.site == site)
        rows = await self._session.execute(statement.group_by(LongtailRow.status))
        return dict.fromkeys(LongtailStatus, 0) | {LongtailStatus(status): count for status, count in rows}

    async def count_ready_by_site(self) -> dict[str, int]:
        """Return how many longtails are ready, by site."""
        statement = select(LongtailRow.site, func.count()).where(LongtailRow.status == LongtailStatus.READY)
        rows = await self._session.execute(statement.group_by(LongtailRow.site))
        return dict(rows.all())

    async def lock_available(self, longtail_ids: Select[LongtailId]) -> list[LongtailId]:
        """Lock these longtails; return those that no article is being made of."""
        rows = await self._session.scalars(
            select(LongtailRow.id)
            .where(
                LongtailRow.id.in_(longtail_ids), LongtailRow.status.in_([LongtailStatus.READY, LongtailStatus.FAILED])
            )
            .order_by(LongtailRow.id)  # one order for all, so that no two wait for each other
            .with_for_update()
        )
        return list(rows)

    async def claim(self, longtail_ids: Sequence[LongtailId]) -> None:
        """Note that articles are being made of these again."""
        await self._session.execute(
            update(LongtailRow)
            .where(
                LongtailRow.id.in_(longtail_ids),
                LongtailRow.status.in_(LongtailStatus.sources(LongtailStatus.CLAIMED)),
            )
            .values(status=LongtailStatus.CLAIMED, reason=None)
        )

    async def claim_for_article(self, longtail_id: LongtailId, *, article: ArticleStatus) -> bool:
        """Claim the longtail of an article that starts again.

        Return whether it may have it.

        It may belong to another article by now.
        """
        row = await self._session.get_one(LongtailRow, longtail_id, with_for_update=True)
        if row.status == LongtailStatus.CLAIMED or (
            article is ArticleStatus.CANCELLED and row.status != LongtailStatus.READY
        ):
            return False
        row.status = LongtailStatus.CLAIMED
        return True

    async def release(self, longtail_ids: Sequence[LongtailId]) -> None:
        """Make claimed longtails ready for another batch."""
        await self._session.execute(
            update(LongtailRow)
            .where(LongtailRow.id.in_(longtail_ids), LongtailRow.status == LongtailStatus.CLAIMED)
            .values(status=LongtailStatus.READY, reason=None)
        )

    async def release_stranded(self, longtail_ids: Sequence[LongtailId]) -> None:
        """Make those claimed longtails ready of which no article is under way.

        They are looked at once more under their locks. One that another transaction has locked is left out.
        """
        locked = await self._session.scalars(
            select(LongtailRow.id)
            .where(LongtailRow.id.in_(longtail_ids), LongtailRow.status == LongtailStatus.CLAIMED)
            .with_for_update(skip_locked=True)
        )
        live = exists().where(
            ArticleRow.longtail_id == LongtailRow.id,
            ArticleRow.status.in_([ArticleStatus.QUEUED, ArticleStatus.GENERATING]),
        )
        stranded = select(LongtailRow.id).where(LongtailRow.id.in_(locked.all()), ~live)
        await self.release((await self._session.scalars(stranded)).all())

    async def settle_slug(self, article_id: ArticleId, wanted: str) -> str:
        """Return the slug of the article's longtail, setting it if unset.

        It gets the wanted one, or the next with a suffix that no other longtail of the site has.
        """
        of_article = select(LongtailRow.id, LongtailRow.site, LongtailRow.slug).join(
            ArticleRow, ArticleRow.longtail_id == LongtailRow.id
        )
        longtail_id, site, slug = (await self._session.execute(of_article.where(ArticleRow.id == article_id))).one()
        if slug is not None:
            return str(slug)
        # Two that want the same one wait for each other until the end of the transaction; no row would have them do so.
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"slugs of {site}", 0))))
        free = await self._free_slug(site, wanted)
        setting = update(LongtailRow).where(LongtailRow.id == longtail_id)
        settled: str | None = await self._session.scalar(
            setting.values(slug=func.coalesce(LongtailRow.slug, free))
            .returning(LongtailRow.slug)
            .execution_options(synchronize_session=False)
        )
        assert settled is not None  # noqa: S101 - coalesce
        return settled

    async def _free_slug(self, site: str, wanted: str) -> str:
        choices = slug_choices(wanted)
        while True:
            next_ones = list(islice(choices, _SLUGS_A_STATEMENT))
            statement = select(LongtailRow.slug).where(LongtailRow.site == site, LongtailRow.slug.in_(next_ones))
            taken = set(await self._session.scalars(statement))
            for slug in next_ones:
                if slug not in taken:
                    return slug

    async def put_last(self, article_id: ArticleId) -> None:
        """Put the article's longtail behind all others of its site."""
        its = select(ArticleRow.longtail_id).where(ArticleRow.id == article_id).scalar_subquery()
        others = LongtailRow.__table__.alias("others")
        least = select(func.min(others.c.priority)).where(others.c.site == LongtailRow.site).scalar_subquery()
        number = func.nextval(func.pg_get_serial_sequence(LongtailRow.__tablename__, "number"))
        await self._session.execute(
            update(LongtailRow)
            .where(LongtailRow.id == its)
            .values(priority=least, number=number)
            .execution_options(synchronize_session=False)
        )

    async def make_ready(self, site: str, keys: Sequence[str]) -> None:
        """Make these ready for a new article, whatever their status."""
        wanted = update(LongtailRow).where(LongtailRow.site == site, LongtailRow.key.in_(keys))
        await self._session.execute(wanted.values(status=LongtailStatus.READY, reason=None))

    async def requeue(self, site: str, phrases: Sequence[str]) -> int:
        """Make failed or written longtails ready for a new article.

        With no phrases, all failed ones.

        Return how many. Raises NotFound for a phrase that the site does not have or that a batch has claimed.
        """
        movable = LongtailRow.status.in_([LongtailStatus.FAILED, LongtailStatus.WRITTEN])
        statement = update(LongtailRow).where(LongtailRow.site == site)
        if not phrases:
            statement = statement.where(LongtailRow.status == LongtailStatus.FAILED)
        else:
            keys = [phrase_key(phrase) for phrase in phrases]
            statement = statement.where(LongtailRow.key.in_(keys), movable)
        moved = set(
            await self._session.scalars(
                statement.values(status=LongtailStatus.READY, reason=None).returning(LongtailRow.key)
            )
        )
        for phrase in phrases:
            if phrase_key(phrase) not in moved:
                raise NotFound("failed or written longtail", phrase, hint=Hint.LIST_LONGTAILS)
        return len(moved)
