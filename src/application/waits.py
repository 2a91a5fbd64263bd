"""Says which models articles wait for."""

from collections.abc import Callable, Collection

from src.domain.article import Article, ArticleStatus
from src.domain.rate_limit import ModelWait
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import UnitOfWork

NamesModels = Callable[[Site], Collection[str]]
"""Returns the names of a site's models, as the settings of a process resolve them."""

_UNDER_WAY = (ArticleStatus.QUEUED, ArticleStatus.GENERATING)


async def list_waits(
    uow: UnitOfWork, site: str, articles: Collection[Article], names_models: NamesModels | None
) -> list[ModelWait]:
    """Return the models of the site that take no request now.

    Of articles that have ended there are none. Models that the articles called are found without ``names_models``.
    """
    waiting = [article.id for article in articles if article.status in _UNDER_WAY]
    if not waiting:
        return []
    names = names_models(await uow.sites.get(site)) if names_models else ()
    return await uow.provider_limits.list_waits(names, waiting)
