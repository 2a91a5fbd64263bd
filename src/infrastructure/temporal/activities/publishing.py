"""Publications as their workflow carries them out."""

from temporalio import activity

from src.domain.publishing import PublicationStatus, PublicationStep, PublishUseCase

from ..messages import CarryOut, PublishArticle


class PublishingActivities:
    """Looks for what is due, and does it; each may be repeated."""

    def __init__(self, publications: PublishUseCase) -> None:
        self._publications = publications

    @activity.defn
    async def find_due(self, article: PublishArticle) -> PublicationStep:
        """Return what of the article is due and what is waited for."""
        return await self._publications.look(article.article_id)

    @activity.defn
    async def carry_out_publication(self, request: CarryOut) -> PublicationStatus:
        """Publish it or take it off. Return what it is then."""
        return await self._publications.carry_out(request.publication_id)
