"""What a list changes of keywords that the site has already."""

from src.application.keywords import import_keywords, list_keywords, requeue_keywords
from src.domain.longtail import LongtailStatus
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database
from src.intake import keyword_list
from tests.factories import a_site

OWNER = Principal.owner("anna", address="here")
FIRST = b"keyword,priority,volume,difficulty\nleaky tap,5,900,12.5\nbest drill,,100,\nold radiator,,,\n"
SECOND = b"keyword,priority,volume,difficulty\nLeaky tap,5,800,12.5\nbest drill,,,\nold radiator,,,7\nnew saw,1,,\n"


async def test_figures_of_known_keywords_are_kept_and_the_report_says_so(database: Database) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
    for content in (FIRST, SECOND):
        listed = keyword_list.read(content, file="list.csv")
        tried = await import_keywords(database, "hardware-shop", listed, by=OWNER, source="list.csv", dry_run=True)
        report = await import_keywords(database, "hardware-shop", listed, by=OWNER, source="list.csv")
    assert (report.added, report.known, report.figures_not_taken) == (1, 3, 2)
    assert [(row.line, row.reason) for row in report.rows] == [
        (2, "the site has it already, with another volume, which it keeps"),
        (3, "the site has it already"),  # the list says nothing of it
        (4, "the site has it already, with another difficulty, which it keeps"),
    ]
    assert [(row.line, row.text) for row in tried.would_add] == [(5, "new saw")]
    assert (tried.added, tried.rows, report.would_add) == (report.added, report.rows, [])
    kept = (await list_keywords(database, "hardware-shop", by=OWNER, limit=9)).longtails
    assert {row.phrase: (row.priority, row.volume, row.difficulty) for row in kept} == {
        "leaky tap": (5, 900, 12.5),
        "best drill": (0, 100, None),
        "old radiator": (0, None, None),
        "new saw": (1, None, None),
    }


async def test_no_batch_takes_what_was_written_elsewhere(database: Database) -> None:
    """Until somebody says that it shall be made again."""
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
    for content, written in ((b"leaky tap\n", True), (b"leaky tap\nbest drill\n", False)):
        listed = keyword_list.read(content, file="list.txt")
        await import_keywords(database, "hardware-shop", listed, by=OWNER, source="celery", written=written)
    found = (await list_keywords(database, "hardware-shop", by=OWNER, limit=9)).longtails
    assert {row.phrase: (row.status, row.reason) for row in found} == {
        "leaky tap": (LongtailStatus.WRITTEN, "written elsewhere"),
        "best drill": (LongtailStatus.READY, None),
    }
    await requeue_keywords(database, "hardware-shop", ["leaky tap"], by=OWNER)
    found = (await list_keywords(database, "hardware-shop", by=OWNER, limit=9)).longtails
    assert {row.status for row in found} == {LongtailStatus.READY}
