"""Imports keyword lists, lists longtails and makes them ready again."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from src.domain.longtail import Longtail, LongtailRecord, LongtailStatus, phrase_key
from src.domain.paging import ClaimPosition, Excerpt, Page
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database
from src.intake.keyword_list import KeywordList, Row

WRITTEN_ELSEWHERE = "written elsewhere"
_ALL = 100_000  # longtails of a site


class RefusedRow(BaseModel):
    """A row of a list that was not added, and why."""

    model_config = ConfigDict(frozen=True)

    line: int  # counted from 1
    text: str
    reason: str


class NewRow(BaseModel):
    """A row of a list that would be added."""

    model_config = ConfigDict(frozen=True)

    line: int  # counted from 1
    text: str


class ImportReport(BaseModel):
    """What became of every line of a keyword list."""

    model_config = ConfigDict(frozen=True)

    dry_run: bool
    added: int
    known: int  # the site had them before
    figures_not_taken: int  # of those: the site has other figures than the list, and keeps its own
    merged: int  # the list has them twice
    rejected: int
    skipped: int  # empty lines and comments
    lines: int
    rows: list[RefusedRow]  # those not added, in the order of the list
    would_add: list[NewRow]  # with ``dry_run`` those that would be added, in the order of the list; else none


class LongtailList(BaseModel):
    """Longtails of a site, and how many it has in each status."""

    model_config = ConfigDict(frozen=True)

    site: str
    counts: dict[LongtailStatus, int]
    longtails: list[LongtailRecord]


async def import_keywords(
    database: Database,
    site: str,
    keywords: KeywordList,
    *,
    by: Principal,
    source: str,
    written: bool = False,
    dry_run: bool = False,
) -> ImportReport:
    """Add the longtails that the site does not have.

    Of those that it has it keeps its own figures, and the report says so. No batch takes those that are ``written``
    elsewhere already.

    With ``dry_run`` nothing is kept. Raises NotFound, and NotPermitted.
    """
    by.require(Action.KEYWORDS_IMPORT, site)
    async with database.unit_of_work(autocommit=not dry_run) as uow:
        await uow.sites.get(site)
        longtails = [row.longtail for row in keywords.accepted]
        kept = await uow.longtails.find_known(site, [longtail.key for longtail in longtails])
        status, reason = (LongtailStatus.WRITTEN, WRITTEN_ELSEWHERE) if written else (LongtailStatus.READY, None)
        added = await uow.longtails.add(site, longtails, source=source, status=status, reason=reason)
        after = {"source": source, "lines": keywords.lines, "added": added}
        await uow.audit.record(Action.KEYWORDS_IMPORT, site, by=by, site=site, after=after)
    known = [
        (row, row.longtail.differences(kept[row.longtail.key])) for row in keywords.accepted if row.longtail.key in kept
    ]
    return ImportReport(
        dry_run=dry_run,
        added=len(keywords.accepted) - len(known),
        known=len(known),
        figures_not_taken=sum(bool(differing) for _, differing in known),
        merged=len(keywords.merged),
        rejected=len(keywords.rejected),
        skipped=keywords.blank + keywords.comments,
        lines=keywords.lines,
        rows=_refused(keywords, known),
        would_add=[
            NewRow(line=row.line, text=row.longtail.phrase)
            for row in keywords.accepted
            if dry_run and row.longtail.key not in kept
        ],
    )


async def list_keywords(
    database: Database, site: str, *, by: Principal, status: LongtailStatus | None = None, limit: int
) -> LongtailList:
    """Return the site's longtails in the order of claiming.

    Raises NotFound, and NotPermitted.
    """
    by.require(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        await uow.sites.get(site)
        return LongtailList(
            site=site,
            counts=await uow.longtails.count_by_status(site),
            longtails=await uow.longtails.list_for_site(site, status=status, limit=limit),
        )


async def list_keyword_page(
    database: Database,
    site: str,
    *,
    by: Principal,
    status: LongtailStatus | None = None,
    containing: str | None = None,
    excerpt: Excerpt[ClaimPosition],
) -> Page[LongtailRecord, ClaimPosition]:
    """Return a page of the site's longtails in the order of claiming.

    Raises NotFound, and NotPermitted.
    """
    by.require(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        await uow.sites.get(site)
        return await uow.longtails.list_page(site, status=status, containing=containing, excerpt=excerpt)


async def requeue_keywords(database: Database, site: str, phrases: Sequence[str], *, by: Principal) -> int:
    """Make failed or written longtails ready for a new article.

    With no phrases, all failed ones.

    Return how many. Raises NotPermitted, and NotFound for the site and for a phrase that it does not have or that a
    batch has claimed.
    """
    by.require(Action.KEYWORDS_REQUEUE, site)
    async with database.unit_of_work() as uow:
        await uow.sites.get(site)
        count = await uow.longtails.requeue(site, phrases)
        after = {"phrases": list(phrases), "ready": count}
        await uow.audit.record(Action.KEYWORDS_REQUEUE, site, by=by, site=site, after=after)
        return count


async def list_unwritten(
    database: Database, site: str, longtails: Sequence[Longtail], *, by: Principal
) -> list[Longtail]:
    """Return those of the longtails that have no complete article.

    They are in their order. Raises NotFound, and NotPermitted.
    """
    listed = await list_keywords(database, site, by=by, status=LongtailStatus.WRITTEN, limit=_ALL)
    written = {phrase_key(row.phrase) for row in listed.longtails}
    return [longtail for longtail in longtails if longtail.key not in written]


async def renew_keywords(
    database: Database, site: str, longtails: Sequence[Longtail], *, by: Principal, source: str
) -> None:
    """Add missing longtails, and make all of them ready again. Raises NotPermitted."""
    by.require(Action.KEYWORDS_IMPORT, site)
    async with database.unit_of_work() as uow:
        added = await uow.longtails.add(site, longtails, source=source)
        await uow.longtails.make_ready(site, [longtail.key for longtail in longtails])
        after = {"source": source, "lines": len(longtails), "added": added}
        await uow.audit.record(Action.KEYWORDS_IMPORT, site, by=by, site=site, after=after)


def _refused(keywords: KeywordList, known: Sequence[tuple[Row, Sequence[str]]]) -> list[RefusedRow]:
    rows = [(row.line, row.longtail.phrase, _reason(differing)) for row, differing in known]
    rows += [(row.line, row.text, f"merged: {row.reason}") for row in keywords.merged]
    rows += [(row.line, row.text, f"rejected: {row.reason}") for row in keywords.rejected]
    return [RefusedRow(line=line, text=text, reason=reason) for line, text, reason in sorted(rows)]


def _reason(differing: Sequence[str]) -> str:
    kept = f", with another {', '.join(differing)}, which it keeps" if differing else ""
    return f"the site has it already{kept}"
