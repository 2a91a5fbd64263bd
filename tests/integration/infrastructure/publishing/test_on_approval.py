"""Approvals that publish: in their own transaction, by the site's rule or as the approver wishes."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from src.application.decisions import Decided, Decisions, Snapshot
from src.application.publication_watch import PublicationWatch
from src.application.publishing import list_publications
from src.application.revisions import Revisions, ensure_revision
from src.domain.article import ArticleStatus
from src.domain.edit import TextEdit
from src.domain.errors import Conflict, ConflictReason, EngineUnavailable, Hint, InputInvalid, NotPermitted
from src.domain.ids import ArticleId
from src.domain.person import Grant, Person, Role
from src.domain.principal import Origin, Principal
from src.domain.publishing import PublicationRecord, PublicationStatus, Wish
from src.domain.review import ChangeReason, Verdict, WithdrawReason
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import Database
from tests.finished_articles import SITE, finished_articles, save
from tests.publications import set_rules

APPROVE = Verdict.approve()
SLUG = "fix-leaky-tap"


class Workflows:
    """A Temporal in which every review runs; it notes what is started."""

    def __init__(self) -> None:
        self.is_away = False
        self.publishing: list[ArticleId] = []

    async def find_reviews(self, article_ids: Iterable[ArticleId]) -> set[ArticleId]:
        return set(article_ids)

    async def signal_review(self, *_: object, **__: object) -> None:
        """Take the signal."""

    async def start_publishing(self, article_id: ArticleId, **_: object) -> None:
        if self.is_away:
            raise EngineUnavailable("Temporal does not answer")
        self.publishing.append(article_id)


def a_person(name: str, role: Role) -> Principal:
    person = Person(
        name=name,
        display_name=name.title(),
        email=None,
        os_user=None,
        disabled_at=None,
        created_at=datetime.now(UTC),
        grants=(Grant(role=role, site=SITE),),
    )
    return Principal(name=name, origin=Origin.API, person=person)


REVIEWER, PUBLISHER = a_person("rita", Role.REVIEWER), a_person("paul", Role.PUBLISHER)


@pytest.fixture
def workflows() -> Workflows:
    return Workflows()


Approve = Callable[..., Any]


@pytest.fixture
def approve(database: Database, workflows: Workflows) -> Approve:
    async def approving(article_id: ArticleId, *, by: Principal = REVIEWER, **options: Any) -> Decided:
        expected = (await ensure_revision(database, article_id)).content_hash
        acting = Decisions(database, workflows, by=by)  # type: ignore[arg-type]
        return await acting.decide(article_id, APPROVE, expected=expected, **options)

    return approving


async def waiting(database: Database, count: int = 1, **rules: Any) -> list[ArticleId]:
    """Return articles that await a review, of a site with these rules of publishing."""
    refs = await finished_articles(database, count)
    await set_rules(database, **rules)
    for ref in refs:
        await save(database, ref)
    return [ref.article_id for ref in refs]


async def want_two(database: Database) -> None:
    async with database.unit_of_work() as uow:
        site = (await uow.sites.get(SITE)).model_dump(mode="json")
        await uow.sites.upsert(Site.model_validate(site | {"review": {"approvals": 2}}))


async def of(database: Database, article_id: ArticleId) -> list[PublicationRecord]:
    return await list_publications(database, article_id=article_id)


async def is_untouched(database: Database, article_id: ArticleId) -> bool:
    async with database.unit_of_work() as uow:
        status, decisions = await uow.articles.get_status(article_id), await uow.decisions.list_for_article(article_id)
    return (status, decisions, await of(database, article_id)) == (ArticleStatus.NEEDS_REVIEW, [], [])


# --- by the site's rule


async def test_where_the_site_waits_an_approval_publishes_nothing(
    database: Database, workflows: Workflows, approve: Approve
) -> None:
    (article,) = await waiting(database)
    decided = await approve(article)
    assert (decided.status, decided.publication, decided.not_published) == (ArticleStatus.APPROVED, None, None)
    assert (await of(database, article), workflows.publishing) == ([], [])


async def test_by_the_rule_a_reviewers_approval_schedules_the_text_in_its_own_transaction(
    database: Database, workflows: Workflows, approve: Approve
) -> None:
    (article,) = await waiting(database, on_approval="now", undo="1h")
    decided = await approve(article)
    (publication,) = await of(database, article)
    assert decided.publication == publication
    assert (publication.status, publication.requested_by) == (PublicationStatus.SCHEDULED, "rita")
    assert publication.content_hash == decided.decision.to_hash
    assert publication.due_at >= decided.decision.at + timedelta(hours=1)
    assert (decided.is_told, workflows.publishing) == (True, [article])
    async with database.unit_of_work() as uow:
        assert b"Reviewed by rita" in await uow.publications.get_page(publication.id)
        (approval,) = await uow.audit.list_for("review", str(article))
        (start,) = await uow.audit.list_for("publish", str(article))
    assert (approval.action, start.action, start.who) == ("approve", "start", "rita")
    assert start.number == approval.number + 1
    assert publication.created_at < decided.decision.at  # its transaction had begun before


async def test_the_approvals_of_a_list_fill_the_days_of_the_cadence(
    database: Database, workflows: Workflows, approve: Approve
) -> None:
    articles = await waiting(database, 3, on_approval="cadence", per_day=1)
    snapshots = [
        Snapshot(article_id=each, content_hash=(await ensure_revision(database, each)).content_hash)
        for each in articles
    ]
    acting = Decisions(database, workflows, by=REVIEWER)  # type: ignore[arg-type]
    result = await acting.decide_all(snapshots, APPROVE)
    due = [each.publication.due_at for each in result.decided if each.publication]
    assert set(Counter(each.date() for each in due).values()) == {1}
    assert (due, len(due)) == (sorted(due), 3)
    assert workflows.publishing == articles


async def test_only_the_last_of_two_approvals_publishes(database: Database, approve: Approve) -> None:
    (article,) = await waiting(database, on_approval="now")
    await want_two(database)
    first = await approve(article)
    assert (first.approvals_missing, first.publication, await of(database, article)) == (1, None, [])
    second = await approve(article, by=PUBLISHER)
    assert (second.approvals_missing, [second.publication]) == (0, await of(database, article))


async def test_an_approval_that_is_repeated_publishes_once_and_is_answered_alike(
    database: Database, approve: Approve
) -> None:
    (article,) = await waiting(database, on_approval="now")
    first, again = await approve(article, key="k"), await approve(article, key="k")
    assert (again.is_repeated, again.publication) == (True, first.publication)
    assert len(await of(database, article)) == 1


async def test_a_text_that_is_approved_anew_takes_the_place_of_the_one_that_waits(
    database: Database, approve: Approve
) -> None:
    (article,) = await waiting(database, on_approval="now", undo="1h")
    old = await approve(article)
    edit = TextEdit(title="How to fix a leaky tap at night")
    await Revisions(database, by=PUBLISHER).edit(article, edit, parent=old.decision.to_hash)
    new = await approve(article)
    assert [(each.content_hash, each.status.value) for each in await of(database, article)] == [
        (new.decision.to_hash, "scheduled"),
        (old.decision.to_hash, "undone"),
    ]


async def test_text_of_the_offline_writer_is_approved_and_it_is_said_why_it_does_not_go_out(
    database: Database, workflows: Workflows, approve: Approve
) -> None:
    (article,) = await waiting(database, on_approval="now")
    await make_offline(database, article)
    decided = await approve(article)
    assert (decided.status, decided.publication) == (ArticleStatus.APPROVED, None)
    refused = decided.not_published
    assert refused is not None
    assert (refused.error_type, refused.reason) == ("Conflict", ConflictReason.OFFLINE_TEXT)
    assert (refused.hint, "offline writer" in refused.message) == (Hint.FORCE_PUBLICATION, True)
    assert (await of(database, article), workflows.publishing) == ([], [])


async def test_an_address_that_is_taken_stops_no_approval_and_leaves_what_was_scheduled(
    database: Database, approve: Approve
) -> None:
    one, other = await waiting(database, 2, on_approval="now", undo="1h")
    await approve(one)
    before = await approve(other)
    edit = TextEdit(title="How to fix a leaky tap at night")
    await Revisions(database, by=PUBLISHER).edit(other, edit, parent=before.decision.to_hash)
    async with database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE article_revisions SET content = jsonb_set(content, '{slug}', to_jsonb(CAST(:slug AS text)))"),
            {"slug": SLUG},
        )
    decided = await approve(other)
    refused = decided.not_published
    assert refused is not None
    assert (refused.reason, refused.hint) == ("address_taken", Hint.FREE_ADDRESS)
    assert refused.details["other"] == str(one)
    assert decided.status is ArticleStatus.APPROVED
    assert [each.status.value for each in await of(database, other)] == ["scheduled"]  # nothing is half done


async def test_while_the_page_is_being_taken_off_it_is_said_to_publish_it_later(
    database: Database, approve: Approve
) -> None:
    (article,) = await waiting(database, on_approval="now")
    await approve(article)
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE publications SET status = 'taking_off', live_at = now()"))
        await connection.execute(text("UPDATE articles SET status = 'needs_review'"))
    refused = (await approve(article)).not_published
    assert refused is not None
    assert (refused.reason, refused.hint) == ("publication_under_way", Hint.PUBLISH)


async def test_a_rule_that_waits_is_not_stored_since_the_version_before_does_not_know_it(database: Database) -> None:
    async def stored(**rules: Any) -> Any:
        await set_rules(database, **rules)
        async with database.engine.begin() as connection:
            return await connection.scalar(text("SELECT description -> 'publishing' FROM sites"))

    await waiting(database)
    assert await stored() is None
    assert await stored(undo="1h") == {"undo": "PT1H", "per_day": None, "start": "09:00"}
    assert (await stored(on_approval="now"))["on_approval"] == "now"


# --- as the approver wishes


@pytest.mark.parametrize("rule", ["wait", "now"])
async def test_a_wish_goes_before_the_rule(database: Database, approve: Approve, rule: str) -> None:
    at = datetime.now(UTC) + timedelta(days=3)
    now, later, none = await waiting(database, 3, on_approval=rule, undo="1h")
    by = PUBLISHER
    assert (await approve(now, by=by, publish=Wish.NOW)).publication is not None
    assert (await approve(later, by=by, publish=at)).publication.due_at == at
    assert (await approve(none, by=by, publish=Wish.NO)).publication is None
    assert await of(database, none) == []


async def test_a_wish_takes_the_right_to_publish(database: Database, approve: Approve) -> None:
    (article,) = await waiting(database, on_approval="now")
    for wish in (*Wish, datetime.now(UTC) + timedelta(days=3)):
        with pytest.raises(NotPermitted) as refused:
            await approve(article, publish=wish)
        assert refused.value.action == "publish.start"
    assert await is_untouched(database, article)


async def test_what_cannot_be_published_as_is_wished_is_not_approved(database: Database, approve: Approve) -> None:
    (article,) = await waiting(database)
    for wish, problem in (
        (Wish.CADENCE, "publish: 'cadence' cannot be used: the site's file sets no per_day"),
        (datetime.now(UTC) - timedelta(days=1), "publish: .*: it is in the past; name a time within the next year"),
        (datetime.now(UTC) + timedelta(days=400), "publish: .* cannot be used: name a time within the next year"),
    ):
        with pytest.raises(InputInvalid, match=problem):
            await approve(article, by=PUBLISHER, publish=wish)
    await make_offline(database, article)
    with pytest.raises(Conflict) as refused:
        await approve(article, by=PUBLISHER, publish=Wish.NOW)
    assert (refused.value.reason, refused.value.hint) == (ConflictReason.OFFLINE_TEXT, Hint.APPROVE_ALONE)
    assert await is_untouched(database, article)
    assert (await approve(article, by=PUBLISHER, publish=Wish.NO)).status is ArticleStatus.APPROVED


async def test_a_wish_of_somebody_who_is_not_the_last_is_refused_since_it_would_be_forgotten(
    database: Database, approve: Approve
) -> None:
    (article,) = await waiting(database)
    await want_two(database)
    with pytest.raises(Conflict) as refused:
        await approve(article, by=PUBLISHER, publish=Wish.NOW)
    assert (refused.value.reason, refused.value.details) == (ConflictReason.APPROVALS_MISSING, {"count": "1"})
    assert await is_untouched(database, article)
    await approve(article)
    assert (await approve(article, by=PUBLISHER, publish=Wish.NOW)).publication is not None


async def test_in_a_list_what_cannot_be_published_as_is_wished_is_left_out(
    database: Database, workflows: Workflows
) -> None:
    written, template = await waiting(database, 2)
    await make_offline(database, template)
    snapshots = [
        Snapshot(article_id=each, content_hash=(await ensure_revision(database, each)).content_hash)
        for each in (written, template)
    ]
    acting = Decisions(database, workflows, by=PUBLISHER)  # type: ignore[arg-type]
    result = await acting.decide_all(snapshots, APPROVE, publish=Wish.NOW)
    assert [each.decision.article_id for each in result.decided] == [written]
    assert [(each.article_id, each.error_type) for each in result.left_out] == [(template, "Conflict")]
    assert await is_untouched(database, template)


@pytest.mark.parametrize(
    "verdict", [Verdict.request_changes(ChangeReason.TONE), Verdict.withdraw(WithdrawReason.ERROR)]
)
async def test_only_an_approval_publishes(database: Database, workflows: Workflows, verdict: Verdict) -> None:
    acting = Decisions(database, workflows, by=PUBLISHER)  # type: ignore[arg-type]
    with pytest.raises(InputInvalid, match="only what is approved"):
        await acting.decide(ArticleId(uuid4()), verdict, expected="0" * 64, publish=Wish.NOW)


# --- when Temporal is away


async def test_what_no_workflow_was_told_of_is_started_by_the_watchdog_once_it_is_due(
    database: Database, workflows: Workflows, approve: Approve
) -> None:
    due, later = await waiting(database, 2, on_approval="now", undo="0s")
    workflows.is_away = True
    assert not (await approve(due)).is_told
    await set_rules(database, on_approval="now", undo="1h")
    await approve(later)
    workflows.is_away = False
    watch = PublicationWatch(database, workflows, patience=timedelta(0))  # type: ignore[arg-type]
    await watch.look()
    assert workflows.publishing == [due]
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE publications SET due_at = now()"))
    await watch.look()
    assert workflows.publishing[0] == due
    assert set(workflows.publishing[1:]) == {due, later}


async def make_offline(database: Database, article_id: ArticleId) -> None:
    """Let the text be the offline writer's."""
    revision = await ensure_revision(database, article_id)
    content = revision.content.model_copy(update={"offline": True})
    async with database.engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE article_revisions SET content = CAST(:content AS jsonb), content_hash = :hash "
                "WHERE article_id = :article"
            ),
            {"content": content.model_dump_json(), "hash": content.hash, "article": article_id},
        )
