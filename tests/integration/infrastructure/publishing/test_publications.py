"""Publications: once, whatever dies when; sitemap and feed always equal the folder."""

import asyncio
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from src.application.audit import Difference, verify
from src.application.publication_runs import PublicationRuns
from src.application.publishing import list_publications
from src.application.revisions import Revisions
from src.application.sites import remove_site
from src.bootstrap import Application
from src.domain.article import ArticleStatus
from src.domain.colour import Colour
from src.domain.content import Approval, Publication
from src.domain.edit import TextEdit
from src.domain.errors import (
    Conflict,
    ConflictReason,
    InputInvalid,
    NotPermitted,
    TargetAnswerUnknown,
    TargetUnavailable,
)
from src.domain.person import Grant, Person, Role
from src.domain.principal import Origin, Principal
from src.domain.publishing import Page, PublicationRecord, PublicationStatus
from src.domain.review import Verdict, WithdrawReason
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.publishing.folder import FolderTarget
from src.rendering.page import render
from tests.applications import ANNA
from tests.finished_articles import SITE
from tests.killed_publisher import DeadlyFolder, Killed, raise_killed
from tests.publications import (
    ApprovedArticle,
    PublishedFolder,
    Publisher,
    approve,
    approved_articles,
    edited_and_approved,
    set_rules,
)

ROOT = Path(__file__).parents[4]
SLUG = "fix-leaky-tap"


@pytest.fixture
def folder(tmp_path: Path) -> PublishedFolder:
    return PublishedFolder(tmp_path)


@pytest.fixture
def publisher(application: Application, folder: PublishedFolder) -> Publisher:
    return Publisher(application, folder)


@pytest.fixture
async def approved(database: Database) -> ApprovedArticle:
    (one,) = await approved_articles(database)
    return one


async def published(publisher: Publisher, approved: ApprovedArticle, colour: Colour) -> PublicationRecord:
    await publisher.requests.publish(approved.article_id, colour=colour)
    await publisher.carry_out(approved)
    return await newest(publisher.database, approved)


async def newest(database: Database, approved: ApprovedArticle) -> PublicationRecord:
    return (await list_publications(database, article_id=approved.article_id))[0]


async def statuses(database: Database, approved: ApprovedArticle) -> list[str]:
    return [each.status.value for each in await list_publications(database, article_id=approved.article_id)]


async def test_an_approved_text_goes_out_with_its_reviewer_and_its_dates(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, colour: Colour
) -> None:
    publication = await published(publisher, approved, colour)
    assert (publication.status, publication.problem) == (PublicationStatus.VERIFIED, None)
    assert "Reviewed by ida" in folder.pages[SLUG]
    moment = publication.published_at.astimezone(UTC).isoformat()
    assert f'<meta property="article:published_time" content="{moment}">' in folder.pages[SLUG]
    assert folder.canonical_of(SLUG) == publication.canonical == f"https://shop.example/{SLUG}"
    assert folder.listed == {publication.canonical: moment}
    assert folder.entries == {publication.canonical: "How to fix a leaky tap in an hour"}
    assert folder.is_consistent()
    async with publisher.database.unit_of_work() as uow:
        assert (await uow.publications.get_page(publication.id)).decode() == folder.pages[SLUG]
        (event,) = await uow.audit.list_for("publish", str(approved.article_id))
    assert (event.who, event.action, event.site) == ("petra", "start", SITE)


async def test_verifying_the_audit_trail_finds_a_publication_that_somebody_changed(
    publisher: Publisher, approved: ApprovedArticle, database: Database, colour: Colour
) -> None:
    await published(publisher, approved, colour)
    subjects = [each.subject for each in await differences(database)]
    assert str(approved.article_id) not in subjects
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE publications SET forced = 'slipped in'"))
    (found,) = [each for each in await differences(database) if each.subject == str(approved.article_id)]
    assert (found.noun, (found.found or {})["forced"], (found.recorded or {})["forced"]) == (
        "publication",
        "slipped in",
        None,
    )


async def differences(database: Database) -> list[Difference]:
    return [each for each in (await verify(database, by=ANNA)).differences if each.noun == "publication"]


async def test_what_is_there_already_is_not_published_again(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, colour: Colour
) -> None:
    first = await published(publisher, approved, colour)
    again = await publisher.requests.publish(approved.article_id, colour=colour)
    assert (again.is_new, again.publication) == (False, first)
    assert await statuses(publisher.database, approved) == ["verified"]


async def test_of_many_requests_at_once_one_is_carried_out(
    publisher: Publisher, approved: ApprovedArticle, colour: Colour
) -> None:
    results = await asyncio.gather(*(publisher.requests.publish(approved.article_id, colour=colour) for _ in range(4)))
    assert Counter(result.is_new for result in results) == {True: 1, False: 3}
    await asyncio.gather(*(publisher.carry_out(approved) for _ in range(3)))
    assert await statuses(publisher.database, approved) == ["verified"]


async def test_another_text_takes_the_place_of_the_first_and_only_then_the_date_moves(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, database: Database, colour: Colour
) -> None:
    first = await published(publisher, approved, colour)
    await set_rules(database, undo="2s")
    changed = await edited_and_approved(database, approved, title="How to fix a leaky tap at night")
    await publisher.requests.publish(changed.article_id, colour=colour)
    await publisher.carry_out(changed)
    assert "at night" not in folder.pages[SLUG]  # it can still be undone
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE publications SET due_at = now() WHERE status = 'scheduled'"))
    await publisher.carry_out(changed)
    second = await newest(database, approved)
    assert await statuses(database, approved) == ["verified", "replaced"]
    assert (second.published_at, second.modified_at > first.modified_at) == (first.published_at, True)
    assert folder.listed == {first.canonical: second.modified_at.astimezone(UTC).isoformat()}
    assert "at night" in folder.pages[SLUG]
    assert folder.is_consistent()


async def test_a_page_that_is_taken_off_is_nowhere_and_comes_back_with_its_bytes_and_dates(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, colour: Colour
) -> None:
    first = await published(publisher, approved, colour)
    page = folder.pages[SLUG]
    await publisher.requests.take_off(approved.article_id, colour=colour)
    await publisher.carry_out(approved)
    assert (folder.pages, folder.listed, folder.entries) == ({}, {}, {})
    assert await statuses(publisher.database, approved) == ["taken_off"]
    with pytest.raises(Conflict, match="not published"):
        await publisher.requests.take_off(approved.article_id, colour=colour)
    await publisher.requests.restore(approved.article_id, colour=colour)
    await publisher.carry_out(approved)
    assert folder.pages == {SLUG: page}
    assert folder.listed == {first.canonical: first.modified_at.astimezone(UTC).isoformat()}
    assert await statuses(publisher.database, approved) == ["verified", "taken_off"]


async def test_what_is_undone_leaves_no_trace(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, database: Database, colour: Colour
) -> None:
    await set_rules(database, undo="1h")
    await publisher.requests.publish(approved.article_id, colour=colour)
    await publisher.carry_out(approved)
    (undone,) = await publisher.requests.undo(approved.article_id)
    assert undone.status is PublicationStatus.UNDONE
    await publisher.carry_out(approved)
    assert not folder.path.exists()
    with pytest.raises(Conflict) as refused:
        await publisher.requests.undo(approved.article_id)
    assert refused.value.reason is ConflictReason.NOTHING_TO_UNDO


async def test_what_is_no_longer_approved_does_not_go_out(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, database: Database, colour: Colour
) -> None:
    await publisher.requests.publish(approved.article_id, colour=colour)
    async with database.unit_of_work() as uow:
        await uow.articles.decide(approved.article_id, ArticleStatus.WITHDRAWN)
    await publisher.carry_out(approved)
    publication = await newest(database, approved)
    assert (publication.status, publication.problem) == ("undone", "its text is no longer the approved one")
    assert not folder.path.exists()


async def test_a_text_that_is_withdrawn_is_taken_off(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, application: Application, colour: Colour
) -> None:
    await published(publisher, approved, colour)
    await application.decisions.decide(approved.article_id, Verdict.withdraw(WithdrawReason.ERROR))
    assert await statuses(publisher.database, approved) == ["taking_off"]
    await publisher.carry_out(approved)
    assert await statuses(publisher.database, approved) == ["taken_off"]
    assert (folder.pages, folder.is_consistent()) == ({}, True)
    with pytest.raises(Conflict, match="nobody approved"):
        await publisher.requests.restore(approved.article_id, colour=colour)


class SlowFolder(FolderTarget):
    """A target during whose answer the approval is taken back."""

    def __init__(self, root: Path, site: str, withdraw: Callable[[], Awaitable[object]]) -> None:
        super().__init__(root, site)
        self._withdraw = withdraw
        self.withdrawing: asyncio.Task[object] | None = None

    async def put(self, page: Page) -> None:
        await super().put(page)
        self.withdrawing = asyncio.ensure_future(self._withdraw())


async def test_a_text_that_is_withdrawn_while_it_goes_out_is_taken_off(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, application: Application, colour: Colour
) -> None:
    await publisher.requests.publish(approved.article_id, colour=colour)
    withdrawal = Verdict.withdraw(WithdrawReason.ERROR)
    slow = SlowFolder(folder.root, SITE, lambda: application.decisions.decide(approved.article_id, withdrawal))
    await publisher.carry_out(approved, PublicationRuns(publisher.database, lambda site, target: slow))
    assert slow.withdrawing is not None
    await slow.withdrawing
    await publisher.carry_out(approved)
    assert await statuses(publisher.database, approved) == ["taken_off"]
    assert (folder.pages, folder.is_consistent()) == ({}, True)


async def test_only_the_text_that_was_approved_is_published(
    publisher: Publisher, approved: ApprovedArticle, database: Database, colour: Colour
) -> None:
    edit = TextEdit(title="How to fix a leaky tap at night")
    await Revisions(database, by=Principal.owner("ben")).edit(approved.article_id, edit, parent=approved.content_hash)
    with pytest.raises(Conflict) as refused:
        await publisher.requests.publish(approved.article_id, colour=colour)
    assert refused.value.reason is ConflictReason.NOT_APPROVED
    async with database.unit_of_work() as uow:  # a status alone is nobody's approval
        await uow.articles.decide(approved.article_id, ArticleStatus.APPROVED)
    with pytest.raises(Conflict, match="nobody approved"):
        await publisher.requests.publish(approved.article_id, colour=colour)
    assert await list_publications(database) == []


async def test_a_page_that_another_renderer_showed_is_asked_about(
    publisher: Publisher, approved: ApprovedArticle, database: Database, colour: Colour
) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE review_decisions SET renderer_version = 99"))
    with pytest.raises(Conflict) as refused:
        await publisher.requests.publish(approved.article_id, colour=colour)
    assert refused.value.reason is ConflictReason.RENDERER_CHANGED
    assert (await publisher.requests.publish(approved.article_id, as_rendered=True, colour=colour)).is_new


async def test_a_text_that_is_withdrawn_while_its_target_cannot_be_used_never_goes_out(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, application: Application, colour: Colour
) -> None:
    await publisher.requests.publish(approved.article_id, colour=colour)
    folder.root.joinpath(SITE).write_text("a file in place of the folder")
    with pytest.raises(TargetUnavailable):
        await publisher.carry_out(approved)
    waiting = await newest(publisher.database, approved)
    assert (waiting.status, bool(waiting.problem)) == (PublicationStatus.PUBLISHING, True)
    await application.decisions.decide(approved.article_id, Verdict.withdraw(WithdrawReason.LEGAL))
    folder.root.joinpath(SITE).unlink()
    await publisher.carry_out(approved)
    failed = await newest(publisher.database, approved)
    assert (failed.status, failed.problem) == (PublicationStatus.FAILED, "its text is no longer the approved one")
    assert not list(folder.root.glob(f"{SITE}/*.html"))


async def test_a_page_that_cannot_be_taken_off_says_so_and_is_not_read_back_over_it(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, colour: Colour
) -> None:
    await published(publisher, approved, colour)
    shutil.rmtree(folder.root / ".longtail" / SITE / "files")
    (folder.root / ".longtail" / SITE / "files").mkdir()
    for listed in ("sitemap.xml", "feed.xml"):
        (folder.root / ".longtail" / SITE / "files" / listed).write_text("longtail")
    await publisher.requests.take_off(approved.article_id, colour=colour)
    await publisher.carry_out(approved)
    stays = await newest(publisher.database, approved)
    assert stays.status is PublicationStatus.PUBLISHED
    assert "did not write" in (stays.problem or "")


async def test_a_page_that_somebody_damaged_is_published_again(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, colour: Colour
) -> None:
    first = await published(publisher, approved, colour)
    page = folder.pages[SLUG]
    folder.root.joinpath(SITE, f"{SLUG}.html").write_text("tampered")
    (found,) = await publisher.requests.verify(article_id=approved.article_id)
    assert found.problems
    again = await published(publisher, approved, colour)
    assert (again.id != first.id, again.status) == (True, PublicationStatus.VERIFIED)
    assert again.modified_at == first.modified_at
    assert folder.pages[SLUG] == page


async def test_two_articles_never_have_one_address(
    publisher: Publisher, folder: PublishedFolder, database: Database, colour: Colour
) -> None:
    one, other = await approved_articles(database, 2)
    async with database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE article_revisions SET content = jsonb_set(content, '{slug}', to_jsonb(CAST(:slug AS text)))"),
            {"slug": SLUG},
        )
    await published(publisher, one, colour)
    with pytest.raises(Conflict) as refused:
        await publisher.requests.publish(other.article_id, colour=colour)
    assert (refused.value.reason, refused.value.details["other"]) == ("address_taken", str(one.article_id))
    await publisher.requests.take_off(one.article_id, colour=colour)
    await publisher.carry_out(one)
    await published(publisher, other, colour)
    assert folder.is_consistent()


async def test_text_of_the_offline_writer_goes_out_only_if_an_admin_says_why(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, database: Database, colour: Colour
) -> None:
    text_of_it = await offline(database, approved)
    with pytest.raises(Conflict) as refused:
        await publisher.requests.publish(text_of_it.article_id, colour=colour)
    assert refused.value.reason is ConflictReason.OFFLINE_TEXT
    publisher.requests._by = petra(Role.PUBLISHER)
    with pytest.raises(NotPermitted):
        await publisher.requests.publish(text_of_it.article_id, forced="a test", colour=colour)
    publisher.requests._by = petra(Role.ADMIN)
    with pytest.raises(InputInvalid):
        await publisher.requests.publish(text_of_it.article_id, forced="  ", colour=colour)
    await publisher.requests.publish(text_of_it.article_id, forced="a  test", colour=colour)
    await publisher.carry_out(text_of_it)
    publication = await newest(database, approved)
    assert (publication.status, publication.forced) == ("verified", "a test")
    assert 'content="noindex"' in folder.pages[SLUG]
    assert (folder.listed, folder.entries) == ({}, {})
    assert folder.is_consistent()


async def offline(database: Database, before: ApprovedArticle) -> ApprovedArticle:
    """Let the newest text be the offline writer's, as its stages would have made it, and approved."""
    async with database.unit_of_work() as uow:
        revision = await uow.revisions.find_latest(before.article_id)
    assert revision is not None
    content = revision.content.model_copy(update={"offline": True})
    async with database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE article_revisions SET content = CAST(:content AS jsonb), content_hash = :hash"),
            {"content": content.model_dump_json(), "hash": content.hash},
        )
    return await approve(database, before.article_id)


def petra(role: Role) -> Principal:
    person = Person(
        name="petra",
        display_name="Petra",
        email=None,
        os_user=None,
        disabled_at=None,
        created_at=datetime.now(UTC),
        grants=(Grant(role=role, site=SITE),),
    )
    return Principal(name="petra", origin=Origin.API, person=person)


async def test_a_site_with_pages_is_not_removed(
    publisher: Publisher, approved: ApprovedArticle, database: Database, colour: Colour
) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE batches SET status = 'completed', closed_at = now()"))
    await published(publisher, approved, colour)
    with pytest.raises(Conflict, match="1 published page"):
        await remove_site(database, SITE, by=ANNA, dry_run=False)
    await publisher.requests.take_off(approved.article_id, colour=colour)
    with pytest.raises(Conflict, match="1 published page"):
        await remove_site(database, SITE, by=ANNA, dry_run=False)
    await publisher.carry_out(approved)
    await remove_site(database, SITE, by=ANNA, dry_run=False)


async def test_who_may_not_publish_is_refused(publisher: Publisher, approved: ApprovedArticle, colour: Colour) -> None:
    publisher.requests._by = petra(Role.REVIEWER)
    for request in (
        publisher.requests.publish(approved.article_id, colour=colour),
        publisher.requests.undo(approved.article_id),
        publisher.requests.take_off(approved.article_id),
        publisher.requests.restore(approved.article_id),
        publisher.requests.verify(article_id=approved.article_id),
    ):
        with pytest.raises(NotPermitted):
            await request


async def test_reading_back_finds_what_somebody_changed(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, colour: Colour
) -> None:
    await published(publisher, approved, colour)
    folder.path.joinpath(f"{SLUG}.html").write_text("<p>hacked</p>")
    (found,) = await publisher.requests.verify(site=SITE)
    assert found.problems[0] == "its bytes are not those that were published"
    assert (found.publication.status, found.publication.problem) == ("published", "; ".join(found.problems))
    async with publisher.database.unit_of_work() as uow:
        page = await uow.publications.get_page(found.publication.id)
    folder.path.joinpath(f"{SLUG}.html").write_bytes(page)
    (found,) = await publisher.requests.verify(article_id=approved.article_id)
    assert (found.problems, found.publication.status, found.publication.problem) == ([], "verified", None)


async def test_a_publication_has_its_time(publisher: Publisher, approved: ApprovedArticle, colour: Colour) -> None:
    later = datetime.now(UTC) + timedelta(days=3)
    result = await publisher.requests.publish(approved.article_id, at=later, colour=colour)
    assert result.publication.due_at == later
    assert result.publication.published_at == later.replace(microsecond=0)
    step = await publisher.runs.look(approved.article_id)
    assert (step.due, step.wake_at) == ((), later)
    for wrong in (datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(days=400)):
        await publisher.requests.undo(approved.article_id)
        with pytest.raises(InputInvalid):
            await publisher.requests.publish(approved.article_id, at=wrong, colour=colour)
        await publisher.requests.publish(approved.article_id, at=later, colour=colour)


async def test_a_cadence_fills_days_of_the_sites_time_zone(
    publisher: Publisher, database: Database, colour: Colour
) -> None:
    texts = await approved_articles(database, 5, per_day=2, start="09:00")
    for each in texts:
        await publisher.requests.publish(each.article_id, by_cadence=True, colour=colour)
    zone, now = ZoneInfo("Europe/London"), datetime.now(UTC)
    due = sorted(each.due_at for each in await list_publications(database))
    days = Counter(each.astimezone(zone).date() for each in due)
    assert sorted(days.values()) == [1, 2, 2]
    assert (max(days) - min(days)).days == 2
    assert all(each.astimezone(zone).strftime("%H:%M") == "09:00" for each in due if each > now + timedelta(minutes=1))
    await set_rules(database)
    await publisher.requests.undo(texts[0].article_id)
    with pytest.raises(InputInvalid):
        await publisher.requests.publish(texts[0].article_id, by_cadence=True, colour=colour)


# --- what dies, and what answers nothing


@pytest.mark.parametrize("step", ["before the page", "after the page", "after the sitemap", "before the record"])
async def test_a_publisher_that_dies_leaves_one_publication(
    publisher: Publisher, folder: PublishedFolder, database: Database, colour: Colour, step: str
) -> None:
    before, approved = await approved_articles(database, 2)
    await published(publisher, before, colour)
    await publisher.requests.publish(approved.article_id, colour=colour)
    with pytest.raises(Killed):
        await publisher.carry_out(approved, deadly(publisher, step))
    assert await statuses(database, approved) == ["publishing"]
    await publisher.carry_out(approved)
    assert await statuses(database, approved) == ["verified"]
    assert len(folder.pages) == 2
    assert folder.is_consistent()


@pytest.mark.parametrize("step", ["after the sitemap", "taken out of the sitemap", "taken off"])
async def test_a_publisher_that_dies_takes_off_what_it_was_to(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, colour: Colour, step: str
) -> None:
    await published(publisher, approved, colour)
    await publisher.requests.take_off(approved.article_id, colour=colour)
    with pytest.raises(Killed):
        await publisher.carry_out(approved, deadly(publisher, step))
    await publisher.carry_out(approved)
    assert await statuses(publisher.database, approved) == ["taken_off"]
    assert (folder.pages, folder.is_consistent()) == ({}, True)


def deadly(publisher: Publisher, step: str) -> PublicationRuns:
    root = publisher.folder.root
    return PublicationRuns(publisher.database, lambda site, _: DeadlyFolder(root, site, step, kill=raise_killed))


async def test_processes_that_are_killed_leave_one_publication_each(
    publisher: Publisher, folder: PublishedFolder, database: Database, database_url: str, colour: Colour
) -> None:
    texts = await approved_articles(database, 2)
    for each in texts:
        await publisher.requests.publish(each.article_id, colour=colour)
    await asyncio.gather(*map(partial(killed, database_url, folder), texts, ("after the page", "before the record")))
    assert [await statuses(database, each) for each in texts] == [["publishing"], ["publishing"]]
    await asyncio.gather(*(publisher.carry_out(each) for each in texts))
    assert [await statuses(database, each) for each in texts] == [["verified"], ["verified"]]
    assert len(folder.pages) == 2
    assert folder.is_consistent()


async def killed(database_url: str, folder: PublishedFolder, approved: ApprovedArticle, step: str) -> None:
    arguments = (database_url, str(folder.root), str(approved.article_id), step)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.killed_publisher", *arguments, cwd=ROOT)
    assert await process.wait() == -signal.SIGKILL


class SilentFolder(FolderTarget):
    """A target that takes the page and answers nothing, once."""

    answers = False
    puts = 0

    async def put(self, page: Page) -> None:
        self.puts += 1
        await super().put(page)
        if not self.answers:
            self.answers = True
            raise TargetAnswerUnknown("folder", "no answer in time")


async def test_a_page_whose_answer_got_lost_is_found_by_its_key_and_not_sent_again(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, colour: Colour
) -> None:
    silent = SilentFolder(folder.root, SITE)
    runs = PublicationRuns(publisher.database, lambda site, target: silent)
    await publisher.requests.publish(approved.article_id, colour=colour)
    with pytest.raises(TargetAnswerUnknown):
        await publisher.carry_out(approved, runs)
    assert await statuses(publisher.database, approved) == ["publishing"]
    with pytest.raises(Conflict, match="publishing at this moment"):
        await publisher.requests.take_off(approved.article_id, colour=colour)
    await publisher.carry_out(approved, runs)
    assert (silent.puts, await statuses(publisher.database, approved)) == (1, ["verified"])
    assert folder.is_consistent()


async def test_a_target_that_cannot_be_used_is_waited_for(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, colour: Colour
) -> None:
    folder.path.write_text("a file where the folder should be")
    await publisher.requests.publish(approved.article_id, colour=colour)
    with pytest.raises(TargetUnavailable):
        await publisher.carry_out(approved)
    folder.path.unlink()
    await publisher.carry_out(approved)
    assert await statuses(publisher.database, approved) == ["verified"]


async def test_a_page_that_the_target_refuses_has_failed_and_nothing_was_written(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, colour: Colour
) -> None:
    make(folder.path)
    folder.path.joinpath("sitemap.xml").write_text("by hand")
    publication = await published(publisher, approved, colour)
    assert publication.status is PublicationStatus.FAILED
    assert "did not write" in (publication.problem or "")
    assert folder.pages == {}
    folder.path.joinpath("sitemap.xml").unlink()
    assert (await published(publisher, approved, colour)).status is PublicationStatus.VERIFIED


def make(folder: Path) -> None:
    folder.mkdir()


async def test_hostile_lines_come_out_inert_everywhere(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, database: Database, colour: Colour
) -> None:
    hostile = '</title></script><script>alert(1)</script>"\r\nX: 1 ]]>&\u202e=1+1'
    changed = await edited_and_approved(database, approved, title=hostile, description=hostile, h1=hostile)
    await published(publisher, changed, colour)
    (title,) = folder.entries.values()
    assert title == '</title></script><script>alert(1)</script>" X: 1 ]]>&=1+1'
    assert "<script>alert" not in folder.pages[SLUG]
    assert folder.pages[SLUG].count("<script") == 1
    assert folder.is_consistent()


async def test_a_page_is_what_its_text_its_approval_and_its_dates_make(
    publisher: Publisher, folder: PublishedFolder, approved: ApprovedArticle, colour: Colour
) -> None:
    made = await published(publisher, approved, colour)
    async with publisher.database.unit_of_work() as uow:
        revision = await uow.revisions.get(approved.article_id, made.revision)
    dates = Publication(
        published_at=made.published_at.astimezone(UTC),
        modified_at=made.modified_at.astimezone(UTC),
        canonical=made.canonical,
    )
    assert folder.pages[SLUG] == render(
        revision.content, Approval(reviewer=made.reviewer, at=made.approved_at.astimezone(UTC)), dates
    )
