"""Publishing on the command line: what it prints, what it refuses, and a publisher that is killed while one waits."""

import json
from typing import Any

from pydantic import TypeAdapter

from src.application.publishing import list_publications
from src.application.revisions import Revisions
from src.domain.edit import TextEdit
from src.domain.principal import Principal
from src.domain.publishing import PublicationStatus
from src.infrastructure.database.unit_of_work import Database
from tests.eventually import eventually
from tests.json_documents import DOCUMENTS
from tests.publications import ApprovedArticle, PublishedFolder, approved_articles, set_rules

from .conftest import Longtail


async def test_articles_go_live_are_undone_read_back_and_taken_off(longtail: Longtail, database: Database) -> None:
    article, other = await approved_articles(database, 2, undo="1h")
    folder, id_ = PublishedFolder(longtail.home / "published"), str(article.article_id)[:8]

    def said(name: str, *arguments: str) -> Any:
        printed = longtail.run(*name.split(), *arguments, "--json")
        assert printed.returncode == 0, printed.stderr
        document: Any = TypeAdapter(DOCUMENTS[name]).validate_json(printed.stdout)
        assert json.loads(printed.stdout) == TypeAdapter(DOCUMENTS[name]).dump_python(document, mode="json")
        return document

    async def until(*statuses: PublicationStatus, of: ApprovedArticle = article) -> None:
        async def look() -> bool:
            found = await list_publications(database, article_id=of.article_id)
            return [each.status for each in found] == list(statuses)

        await eventually(look)

    with longtail.start("worker", "--colour", "blue") as worker:
        assert said("publish now", id_).publication.status is PublicationStatus.SCHEDULED
        worker.kill()
    (undone,) = said("publish undo", id_)
    assert undone.status is PublicationStatus.UNDONE
    await set_rules(database, undo="1s")
    waiting = longtail.run("publish", "now", id_)
    assert f"until then: longtail publish undo {id_}" in waiting.stdout, waiting.stderr
    with longtail.start("worker", "--colour", "blue"):
        await until(PublicationStatus.VERIFIED, PublicationStatus.UNDONE)
        assert folder.is_consistent()
        assert len(folder.pages) == 1
        assert [each.problems for each in said("publish verify", "--site", "hardware-shop")] == [[]]
        said("publish off", id_)
        await until(PublicationStatus.TAKEN_OFF, PublicationStatus.UNDONE)
        assert (folder.pages, folder.is_consistent()) == ({}, True)

        await set_rules(database, undo="1s", on_approval="now")
        edit = TextEdit(title="How to fix a leaky tap at night")
        author = Principal.owner("ben")
        text = (await Revisions(database, by=author).edit(other.article_id, edit, parent=other.content_hash)).revision
        decided = said("review approve", str(other.article_id), text.content_hash)
        assert (decided.publication.status, decided.not_published) == (PublicationStatus.SCHEDULED, None)
        await until(PublicationStatus.VERIFIED, of=other)
        assert len(folder.pages) == 1
        assert folder.is_consistent()
    assert [each.status for each in said("publish status", id_)] == ["taken_off", "undone"]
