"""Sites, kept as their files described them last."""

from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.errors import Hint, NotFound
from src.domain.site import OnApproval, PublishingRules, ReviewRules, Site

from .tables import SiteRow


class SiteRepository:
    """The sites of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def upsert(self, site: Site) -> bool:
        """Keep ``site``, replacing what was known under its slug.

        Return whether it is new.
        """
        known = await self._session.scalar(select(SiteRow.slug).where(SiteRow.slug == site.slug))
        # The version before refuses fields that it does not know; it reads the same database during a deployment.
        plain = {"review": ReviewRules(), "publishing": PublishingRules()}
        unset: dict[str, Any] = {name: True for name, rules in plain.items() if getattr(site, name) == rules}
        if site.publishing.on_approval is OnApproval.WAIT:
            unset.setdefault("publishing", {"on_approval"})
        description = site.model_dump(mode="json", exclude=unset)
        statement = insert(SiteRow).values(slug=site.slug, description=description)
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=[SiteRow.slug], set_={"description": description, "updated_at": func.now()}
            )
        )
        return known is None

    async def lock(self, slug: str) -> None:
        """Let no other transaction change the site until this one ends."""
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"site {slug}", 0))))

    async def lock_addresses(self) -> None:
        """Let no other transaction take an address until this one ends."""
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("site addresses", 0))))

    async def find(self, slug: str) -> Site | None:
        """Return the site, None where there is none."""
        description = await self._session.scalar(select(SiteRow.description).where(SiteRow.slug == slug))
        return Site.model_validate(description) if description is not None else None

    async def get(self, slug: str) -> Site:
        """Return the site. Raises NotFound with the slugs there are."""
        if site := await self.find(slug):
            return site
        known = [site.slug for site in await self.list_all()]
        raise NotFound("site", slug, known=known, hint=Hint.SHOW_SITES if known else Hint.ADD_SITE)

    async def list_all(self) -> list[Site]:
        """Return every site, by slug."""
        rows = await self._session.scalars(select(SiteRow.description).order_by(SiteRow.slug))
        return [Site.model_validate(description) for description in rows]

    async def delete(self, slug: str) -> None:
        """Delete the site with its longtails, batches and articles. Raises NotFound."""
        await self.get(slug)
        await self._session.execute(delete(SiteRow).where(SiteRow.slug == slug))
