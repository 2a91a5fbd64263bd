"""Counts what waits and what runs, for the frame of every page."""

from pydantic import BaseModel, ConfigDict

from src.domain.permissions import Action
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database


class Counts(BaseModel):
    """How much there is of what a person may read.

    Attributes:
        reviews: texts that wait for a decision and are not put off.
        batches: those that run.
        alerts: those that are open.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    reviews: int
    batches: int
    sites: int
    alerts: int


async def read_counts(database: Database, *, by: Principal, reviews: int | None = None) -> Counts:
    """Return the counts of the sites that somebody may read.

    ``reviews`` is what this request counted of them already.
    """
    sites = by.sites(Action.SITE_READ)
    found = await database.run_autocommit(lambda uow: uow.overview.count(sites=sites, but_reviews=reviews is not None))
    return Counts.model_validate(found if reviews is None else found._replace(reviews=reviews))
