"""Whose workers take a page off when its approval is taken back."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from src.application.decisions import Decisions
from src.application.publication_runs import PublicationRuns
from src.application.publishing import Publishing
from src.domain.colour import BLUE, GREEN, Colour
from src.domain.deployment import Routing
from src.domain.ids import ArticleId
from src.domain.review import Verdict, WithdrawReason
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.database.workers import RegisteredWorker
from src.infrastructure.publishing.folder import FolderTarget
from tests.applications import ANNA
from tests.publications import approved_articles


class Told:
    """A Temporal that notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Colour | None]] = []

    async def find_reviews(self, article_ids: Iterable[ArticleId]) -> set[ArticleId]:
        return set(article_ids)

    async def signal_review(self, *_: Any, **__: Any) -> None:
        """Take the signal."""

    async def start_publishing(self, *_: Any, colour: Colour, **__: Any) -> None:
        self.calls.append(("start", colour))

    async def has_workers(self, _: Colour) -> bool:
        return True

    async def wake_publications(self, *_: Any) -> bool:
        self.calls.append(("wake", None))
        return False


async def a_worker(database: Database, colour: Colour) -> None:
    async with database.unit_of_work() as uow:
        await uow.workers.register(
            RegisteredWorker(
                instance=f"{colour}@here",
                colour=colour,
                host="here",
                pid=1,
                process_started_at=0.0,
                code_version="test",
                slots=1,
            )
        )


async def test_a_page_is_taken_off_by_workers_that_live(database: Database, tmp_path: Path) -> None:
    articles = [each.article_id for each in await approved_articles(database, 2)]
    told = Told()
    publishing = Publishing(database, told, lambda site, _: FolderTarget(tmp_path, site), by=ANNA)  # type: ignore[arg-type]
    runs = PublicationRuns(database, lambda site, _: FolderTarget(tmp_path, site))
    for article_id in articles:
        await publishing.publish(article_id, colour=BLUE)
        for publication_id in (await runs.look(article_id)).due:
            await runs.carry_out(publication_id)
    told.calls.clear()

    decisions = Decisions(database, told, by=ANNA)  # type: ignore[arg-type]
    withdrawal = Verdict.withdraw(WithdrawReason.ERROR)
    await decisions.decide(articles[0], withdrawal)
    assert told.calls == [("wake", None)]  # nobody lives: the watchdog of the next worker starts it
    await a_worker(database, GREEN)
    async with database.unit_of_work() as uow:
        await uow.routing.change(Routing(active=GREEN), by="test")
    await decisions.decide(articles[1], withdrawal)
    assert told.calls[1:] == [("start", GREEN)]
