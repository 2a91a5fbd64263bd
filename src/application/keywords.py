"""Imports keyword lists, lists longtails and makes them ready again."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from src.domain.longtail import Longtail, LongtailRecord, LongtailStatus
from src.infrastructure.database.unit_of_work import Database
from src.intake.keyword_list import KeywordList, Row


class RefusedRow(BaseModel):
    """A row of a list that was not added, and why."""

    model_config = ConfigDict(frozen=True)

    line: int  # counted from 1
    text: str
    reason: str


class ImportReport(BaseModel):
    """What became of every line of a keyword list."""

    model_config = ConfigDict(frozen=True)

    dry_run: bool
    added: int
    known: int  # the site had them before
    merged: int  # the list has them twice
    rejected: int
    skipped: int  # empty lines and comments
    lines: int
    rows: list[RefusedRow]  # those not added, in the order of the list


class LongtailList(BaseModel):
    """Longtails of a site, and how many it has in each status."""

    model_config = ConfigDict(frozen=True)

    site: str
    counts: dict[LongtailStatus, int]
    longtails: list[LongtailRecord]


async def import_keywords(
    database: Database, site: str, keywords: KeywordList, *, source: str, dry_run: bool = False
) -> ImportReport:
    """Add the longtails that the site does not have.

    With ``dry_run`` nothing is kept. Raises NotFound.
    """
    async with database.unit_of_work(autocommit=not dry_run) as uow:
        await uow.sites.get(site)
        longtails = [row.longtail for row in keywords.accepted]
        known_keys = await uow.longtails.list_known_keys(site, [longtail.key for longtail in longtails])
        await uow.longtails.add(site, longtails, source=source)
    known = [row for row in keywords.accepted if row.longtail.key in known_keys]
    return ImportReport(
        dry_run=dry_run,
        added=len(keywords.accepted) - len(known),
        known=len(known),
        merged=len(keywords.merged),
        rejected=len(keywords.rejected),
        skipped=keywords.blank + keywords.comments,
        lines=keywords.lines,
        rows=_refused(keywords, known),
    )


async def list_keywords(
    database: Database, site: str, *, status: LongtailStatus | None = None, limit: int
) -> LongtailList:
    """Return the site's longtails in the order of claiming.

    Raises NotFound.
    """
    async with database.unit_of_work() as uow:
        await uow.sites.get(site)
        return LongtailList(
            site=site,
            counts=await uow.longtails.count_by_status(site),
            longtails=await uow.longtails.list_for_site(site, status=status, limit=limit),
        )


async def requeue_keywords(database: Database, site: str, phrases: Sequence[str]) -> int:
    """Make failed or written longtails ready for a new article.

    With no phrases, all failed ones.

    Return how many. Raises NotFound for the site, and for a phrase that it does not have or that a batch has claimed.
    """
    async with database.unit_of_work() as uow:
        await uow.sites.get(site)
        return await uow.longtails.requeue(site, phrases)


async def renew_keywords(database: Database, site: str, longtails: Sequence[Longtail], *, source: str) -> None:
    """Add missing longtails, and make all of them ready again."""
    async with database.unit_of_work() as uow:
        await uow.longtails.add(site, longtails, source=source)
        await uow.longtails.make_ready(site, [longtail.key for longtail in longtails])


def _refused(keywords: KeywordList, known: Sequence[Row]) -> list[RefusedRow]:
    rows = [(row.line, row.longtail.phrase, "the site has it already") for row in known]
    rows += [(row.line, row.text, f"merged: {row.reason}") for row in keywords.merged]
    rows += [(row.line, row.text, f"rejected: {row.reason}") for row in keywords.rejected]
    return [RefusedRow(line=line, text=text, reason=reason) for line, text, reason in sorted(rows)]
