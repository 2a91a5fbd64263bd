"""An article's revisions and findings, as the command line shows them."""

from src.infrastructure.database.unit_of_work import Database
from src.quality.findings import check
from tests.answers import short_site
from tests.finished_articles import finished_articles, save

from .conftest import Longtail


async def test_an_article_is_shown_with_its_revisions_and_findings(database: Database, longtail: Longtail) -> None:
    (ref,) = await finished_articles(database)
    await save(database, ref)
    async with database.unit_of_work() as uow:
        machine = await uow.revisions.get(ref.article_id, 1)
        content = machine.content.model_copy(update={"title": "Cheap taps"})
        human, _ = await uow.revisions.add_human(ref.article_id, content, author="ida", parent=1)
        found = check(content, short_site(banned_terms=["cheap"]))
        await uow.findings.store(ref.article_id, human.number, found)
        await uow.findings.waive(ref.article_id, human.number, 0, by="bo", reason="a quote")
    article = str(ref.article_id)
    shown = longtail.run("article", "show", article).stdout
    for text in (human.content_hash[:12], "ida", "stage revision 1", "text.banned_term", "bo: a quote", "blocking"):
        assert text in shown
    document = longtail.json("article", "show", article)
    assert [(each["number"], each["made_by"]) for each in document["revisions"]] == [(1, "machine"), (2, "human")]
    assert [each["rule"] for each in document["findings"]] == [each.rule for each in found]
    assert "<title>Cheap taps</title>" in longtail.run("article", "html", article).stdout
    (keyword,) = longtail.json("keywords", "list", "hardware-shop")["longtails"]
    assert keyword["slug"] == "fix-leaky-tap"
