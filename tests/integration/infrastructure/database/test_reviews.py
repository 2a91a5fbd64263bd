"""Decisions about texts: bound to their bytes, made once, refused with who and when."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from src.application import audit
from src.application.decisions import Decided, Decisions, Snapshot
from src.application.review_steps import ReviewSteps
from src.application.reviews import Reviews, count_snoozed, get_review, get_review_page, list_review_page, list_reviews
from src.domain.article import ArticleRef, ArticleStatus
from src.domain.errors import (
    AlreadyDecided,
    Conflict,
    FindingsBlock,
    InputInvalid,
    LongtailError,
    NotFound,
    NotPermitted,
    NotReviewable,
    OwnText,
    SecondPersonMissing,
    TextReplaced,
)
from src.domain.finding import Finding, Severity
from src.domain.ids import ArticleId
from src.domain.longtail import LongtailStatus
from src.domain.paging import Excerpt, Order
from src.domain.permissions import Action, Role
from src.domain.person import Grant, Person
from src.domain.principal import Origin, Principal
from src.domain.review import (
    ChangeReason,
    DecisionKind,
    KeywordAfter,
    RejectReason,
    Verdict,
    WithdrawReason,
)
from src.domain.revision import Revision
from src.domain.stages import Stage
from src.infrastructure.database.unit_of_work import Database
from tests.answers import short_site
from tests.applications import ANNA
from tests.factories import open_batch
from tests.finished_articles import SITE, finished_articles, save, store_outputs

ANNE, BERT = (Principal.owner(name, address="here") for name in ("anne", "bert"))
WORKER = Principal.worker("blue@here", address="here")
APPROVE = Verdict.approve()
CHANGE = Verdict.request_changes(ChangeReason.TONE, note="friendlier")
REJECT = Verdict.reject(RejectReason.QUALITY, KeywordAfter.LATER, note="too thin")


class NoWorkflows:
    """A Temporal that runs no review, as while it is away or no review has begun."""

    async def find_reviews(self, article_ids: Iterable[ArticleId]) -> set[ArticleId]:
        """Return that none runs."""
        return set()


def decisions(database: Database, by: Principal = ANNE) -> Decisions:
    return Decisions(database, NoWorkflows(), by=by)  # type: ignore[arg-type]


def steps(database: Database) -> ReviewSteps:
    return ReviewSteps(database, by=WORKER, longest_history=500)


async def waiting(database: Database, count: int = 1, **review: Any) -> list[ArticleRef]:
    """Return articles that await a review, of a site with these rules."""
    refs = await finished_articles(database, count)
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(short_site().model_copy(update={"review": rules(**review)}))
    for ref in refs:
        await save(database, ref)
    return refs


def rules(**review: Any) -> Any:
    return type(short_site().review).model_validate(review)


async def latest(database: Database, ref: ArticleRef) -> Revision:
    async with database.unit_of_work() as uow:
        found = await uow.revisions.find_latest(ref.article_id)
    assert found is not None
    return found


async def edited(database: Database, ref: ArticleRef, title: str, *, author: str) -> Revision:
    base = await latest(database, ref)
    content = base.content.model_copy(update={"title": title})
    async with database.unit_of_work() as uow:
        made, _ = await uow.revisions.add_human(ref.article_id, content, author=author, parent=base.number)
    return made


async def decide(
    database: Database, ref: ArticleRef, verdict: Verdict = APPROVE, *, by: Principal = ANNE, **options: Any
) -> Decided:
    options.setdefault("expected", (await latest(database, ref)).content_hash)
    return await decisions(database, by).decide(ref.article_id, verdict, **options)


async def keyword(database: Database) -> tuple[LongtailStatus, str | None]:
    async with database.unit_of_work() as uow:
        record = (await uow.longtails.list_for_site(SITE))[-1]
    return record.status, record.reason


async def test_an_approval_is_kept_with_who_when_and_which_bytes(database: Database) -> None:
    (ref,) = await waiting(database)
    decided = await decide(database, ref)
    made = decided.decision
    assert (decided.status, decided.approvals_missing, decided.is_told) == (ArticleStatus.APPROVED, 0, False)
    assert (made.number, made.by, made.revision, made.taken_up_at) == (1, "anne", 1, None)
    assert made.from_hash == made.to_hash == (await latest(database, ref)).content_hash
    assert (made.from_status, made.to_status) == (ArticleStatus.NEEDS_REVIEW, ArticleStatus.APPROVED)
    details = await get_review(database, ref.article_id, by=ANNE)
    assert (details.article.status, details.decisions, details.approvals) == (decided.status, [made], ["anne"])


async def test_of_two_people_at_the_same_moment_one_wins_and_the_other_is_told(database: Database) -> None:
    (ref,) = await waiting(database)
    results = await asyncio.gather(
        *(decide(database, ref, verdict, by=by) for by, verdict in ((ANNE, APPROVE), (BERT, REJECT), (ANNA, CHANGE))),
        return_exceptions=True,
    )
    (won,) = [each for each in results if isinstance(each, Decided)]
    lost = [each for each in results if isinstance(each, AlreadyDecided)]
    assert len(lost) == 2
    for refused in lost:
        assert (refused.by, refused.at) == (won.decision.by, won.decision.at)
        assert f"{won.decision.by} decided that on {won.decision.at:%Y-%m-%d}" in refused.message


@pytest.mark.parametrize("verdict", [APPROVE, CHANGE, REJECT])
async def test_a_text_that_was_replaced_is_not_decided_on(database: Database, verdict: Verdict) -> None:
    (ref,) = await waiting(database)
    old = await latest(database, ref)
    new = await edited(database, ref, "How to fix a leaky tap, by Ida", author="ida")
    with pytest.raises(TextReplaced, match=r"revision 2 .*, made by ida on 20.* replaced it") as refused:
        await decide(database, ref, verdict, expected=old.content_hash)
    assert (refused.value.current, refused.value.revision, refused.value.by) == (new.content_hash, 2, "ida")
    assert (await decide(database, ref, verdict, expected=new.content_hash[:12])).decision.revision == 2


async def test_a_hash_that_no_text_had_is_told_as_such(database: Database) -> None:
    (ref,) = await waiting(database)
    told = f"no text of article {ref.article_id} has the hash 123456789abc; the current one is revision 1 "
    with pytest.raises(TextReplaced, match=told) as refused:
        await decide(database, ref, expected="123456789abc")
    assert refused.value.current == (await latest(database, ref)).content_hash
    assert "expected_revision" not in refused.value.facts


async def test_a_decision_on_nothing_in_particular_is_refused(database: Database) -> None:
    (ref,) = await waiting(database)
    for expected in (None, "abc"):
        with pytest.raises(InputInvalid, match="hash"):
            await decisions(database).decide(ref.article_id, APPROVE, expected=expected)
    with pytest.raises(NotFound, match="section"):
        await decide(database, ref, Verdict.request_changes(ChangeReason.TONE, section="nowhere"))
    with pytest.raises(NotFound, match="article"):
        await decisions(database).decide(ArticleId(uuid4()), APPROVE, expected="0" * 64)


async def test_a_decision_on_what_is_not_finished_names_what_it_takes(database: Database) -> None:
    (ref,) = await finished_articles(database)
    with pytest.raises(NotReviewable) as refused:
        await decisions(database).decide(ref.article_id, APPROVE, expected="0" * 64)
    assert (refused.value.status_of_article, refused.value.possible) == ("queued", ("needs_review",))


async def test_with_one_key_a_decision_is_made_once(database: Database) -> None:
    (ref,) = await waiting(database)
    first = await decide(database, ref, key="k1")
    again = await decide(database, ref, key="k1")
    assert (again.decision.id, again.is_repeated, again.status) == (first.decision.id, True, ArticleStatus.APPROVED)
    with pytest.raises(Conflict, match="key"):
        await decide(database, ref, REJECT, key="k1")
    with pytest.raises(Conflict, match="key"):
        await decide(database, ref, key="k1", by=BERT)


async def test_two_people_approve_the_same_bytes_where_the_site_wants_two(database: Database) -> None:
    (ref,) = await waiting(database, approvals=2)
    first = await decide(database, ref)
    assert (first.status, first.approvals_missing) == (ArticleStatus.NEEDS_REVIEW, 1)
    with pytest.raises(SecondPersonMissing, match="anne approved this text") as refused:
        await decide(database, ref)
    assert refused.value.at == first.decision.at
    second = await decide(database, ref, by=BERT)
    assert (second.status, second.approvals_missing) == (ArticleStatus.APPROVED, 0)


async def test_a_first_approval_falls_with_new_bytes_and_with_another_decision(database: Database) -> None:
    (ref,) = await waiting(database, approvals=2)
    await decide(database, ref)
    await edited(database, ref, "How to fix a leaky tap, by Ida", author="ida")
    assert (await decide(database, ref, by=BERT)).approvals_missing == 1
    assert (await decide(database, ref)).approvals_missing == 0
    await decide(database, ref, Verdict.withdraw(WithdrawReason.MISTAKE))
    await decide(database, ref, Verdict.restore())
    assert (await decide(database, ref)).approvals_missing == 1


async def test_nobody_approves_his_own_words_where_the_site_forbids_it(database: Database) -> None:
    (ref,) = await waiting(database, self_approval=False)
    await edited(database, ref, "How to fix a leaky tap, by Anne", author="anne")
    await edited(database, ref, "How to fix a leaky tap, by Bert", author="bert")
    for by, revision in ((ANNE, 2), (BERT, 3)):
        with pytest.raises(OwnText) as refused:
            await decide(database, ref, by=by)
        assert (refused.value.who, refused.value.revision) == (by.name, revision)
    assert (await decide(database, ref, by=ANNA)).status is ArticleStatus.APPROVED


async def test_a_worker_approves_nothing(database: Database) -> None:
    (ref,) = await waiting(database)
    with pytest.raises(NotPermitted):
        await decide(database, ref, by=WORKER)


async def test_a_block_stands_in_the_way_until_it_is_waived_for_those_bytes(database: Database) -> None:
    (ref,) = await waiting(database)
    block = Finding(rule="text.banned", rule_version=1, severity=Severity.BLOCKING, message="«cheap» is banned")
    async with database.unit_of_work() as uow:
        await uow.findings.store(ref.article_id, 1, [block])
    with pytest.raises(FindingsBlock, match=r"0: text\.banned: «cheap» is banned"):
        await decide(database, ref)
    by_hash = (await latest(database, ref)).content_hash
    with pytest.raises(TextReplaced):
        await decisions(database).waive(ref.article_id, 0, expected="0" * 64, reason="a quote")
    with pytest.raises(InputInvalid, match="at least 8 characters"):
        await decisions(database).waive(ref.article_id, 0, expected="", reason="a quote")
    waived = await decisions(database).waive(ref.article_id, 0, expected=by_hash[:12], reason="a quote")
    assert (waived.waived_by, waived.waived_reason) == ("anne", "a quote")
    assert (await decide(database, ref)).status is ArticleStatus.APPROVED


def a_person(name: str, role: Role, site: str) -> Principal:
    person = Person(
        name=name,
        display_name=name.title(),
        email=None,
        os_user=None,
        disabled_at=None,
        created_at=datetime.now(UTC),
        grants=(Grant(role=role, site=site),),
    )
    return Principal(name=name, origin=Origin.API, person=person)


async def test_who_may_not_decides_nothing_and_leaves_no_trace(database: Database) -> None:
    (ref,) = await waiting(database)
    elsewhere = a_person("rita", Role.REVIEWER, "another-site")
    viewer = a_person("vera", Role.VIEWER, SITE)
    for who in (elsewhere, viewer, a_person("otto", Role.OPERATOR, SITE)):
        for verdict in (APPROVE, CHANGE, REJECT, Verdict.snooze(datetime.now(UTC))):
            with pytest.raises(NotPermitted):
                await decide(database, ref, verdict, by=who)
        with pytest.raises(NotPermitted):
            await Reviews(database, by=who).claim(ref.article_id)
    with pytest.raises(NotPermitted):
        await get_review(database, ref.article_id, by=elsewhere)
    with pytest.raises(NotPermitted):
        await decisions(database, a_person("rita", Role.REVIEWER, SITE)).waive(
            ref.article_id, 0, expected="0" * 64, reason="no"
        )
    assert (await get_review(database, ref.article_id, by=viewer)).decisions == []
    page = await get_review_page(database, ref.article_id, by=a_person("rita", Role.REVIEWER, SITE))
    assert "Rita" in page


async def test_a_rejected_keyword_comes_again_last_with_the_reviewers_words(database: Database) -> None:
    ref, _ = await waiting(database, 2)
    await decide(database, ref, REJECT)
    assert await keyword(database) == (LongtailStatus.READY, "rejected by anne: quality: too thin")
    batch_id, _ = await open_batch(database, datetime(2026, 11, 21, 5, 0, tzinfo=UTC), limit=1)
    async with database.unit_of_work() as uow:
        (again,) = await uow.articles.list_unfinished(batch_id, first=0, end=1)
        *_, rejected = await uow.stage_outputs.get_with_site(again.article_id, 1, Stage.OUTLINE)
    assert (again.keyword, again.article_id == ref.article_id) == (ref.keyword, False)
    assert rejected == "rejected by anne: quality: too thin"


async def test_a_keyword_that_is_never_to_come_again_stays_written(database: Database) -> None:
    (ref,) = await waiting(database)
    decided = await decide(database, ref, Verdict.reject(RejectReason.KEYWORD, KeywordAfter.NEVER))
    assert decided.status is ArticleStatus.REJECTED
    assert (await keyword(database))[0] is LongtailStatus.WRITTEN
    with pytest.raises(AlreadyDecided, match="anne decided that"):
        await decide(database, ref, Verdict.restore())


async def test_a_bulk_decision_leaves_out_and_lists_what_changed(database: Database) -> None:
    refs = await waiting(database, 4)
    snapshots = [
        Snapshot(article_id=ref.article_id, content_hash=(await latest(database, ref)).content_hash) for ref in refs
    ]
    await edited(database, refs[1], "How to fix a leaky tap, by Ida", author="ida")
    await decide(database, refs[2], REJECT, by=BERT)
    result = await decisions(database).decide_all(snapshots, APPROVE, key="bulk")
    assert [each.decision.article_id for each in result.decided] == [refs[0].article_id, refs[3].article_id]
    assert [(each.article_id, each.error_type) for each in result.left_out] == [
        (refs[1].article_id, "TextReplaced"),
        (refs[2].article_id, "AlreadyDecided"),
    ]
    again = await decisions(database).decide_all(snapshots[:1], APPROVE, key="bulk")
    assert again.decided[0].is_repeated


async def test_every_move_is_recorded_and_the_trail_agrees_with_the_rows(database: Database) -> None:
    (ref,) = await waiting(database)
    for verdict in (APPROVE, Verdict.withdraw(WithdrawReason.ERROR), Verdict.restore(), REJECT):
        await decide(database, ref, verdict)
    async with database.unit_of_work() as uow:
        events = await uow.audit.list_for("review", str(ref.article_id))
    assert [(each.action, (each.after or {})["status"]) for each in events] == [
        ("approve", "approved"),
        ("withdraw", "withdrawn"),
        ("restore", "needs_review"),
        ("reject", "rejected"),
    ]
    assert await differences(database) == []
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE articles SET status = 'approved'"))
    assert await differences(database) == [str(ref.article_id)]


async def differences(database: Database) -> list[str]:
    report = await audit.verify(database, by=ANNA)
    return [each.subject for each in report.differences if each.noun == "review"]


# --- rows, not workflow


async def test_a_claim_is_seen_by_others_lapses_and_can_be_taken_over(database: Database) -> None:
    (ref,) = await waiting(database)
    mine, others = Reviews(database, by=ANNE), Reviews(database, by=BERT)
    claimed = await mine.claim(ref.article_id)
    assert claimed.claimed_until is not None
    assert claimed.claimed_by == "anne"
    with pytest.raises(Conflict, match="anne looks at article"):
        await others.claim(ref.article_id)
    assert (await others.release(ref.article_id)).claimed_by == "anne"
    assert (await others.claim(ref.article_id, take_over=True)).claimed_by == "bert"
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE reviews SET claimed_until = now() - interval '1 second'"))
    assert (await mine.claim(ref.article_id)).claimed_by == "anne"
    assert (await decide(database, ref, by=BERT)).status is ArticleStatus.APPROVED  # it stops nobody
    async with database.unit_of_work() as uow:
        assert (await uow.reviews.get(ref.article_id)).claimed_by is None


async def test_only_what_changed_since_somebody_looked_is_new_to_him(database: Database) -> None:
    (ref,) = await waiting(database)
    reviews = Reviews(database, by=ANNE)
    unseen = (await get_review(database, ref.article_id, by=ANNE)).unseen
    assert unseen[:2] == ["", "part-1"]
    assert await reviews.see(ref.article_id, ["part-1", "nowhere"]) == [each for each in unseen if each != "part-1"]
    assert await reviews.see(ref.article_id) == []
    base = await latest(database, ref)
    first, *rest = base.content.sections
    changed = base.content.model_copy(update={"sections": (first.model_copy(update={"html": "<p>Hers.</p>"}), *rest)})
    async with database.unit_of_work() as uow:
        await uow.revisions.add_human(ref.article_id, changed, author="ida", parent=1)
    assert (await get_review(database, ref.article_id, by=ANNE)).unseen == ["part-1"]
    assert (await get_review(database, ref.article_id, by=BERT)).unseen == unseen


async def test_comments_stay_with_the_block_they_were_made_at(database: Database) -> None:
    (ref,) = await waiting(database)
    reviews = Reviews(database, by=ANNE)
    left = await reviews.comment(ref.article_id, "Who says so?", block="part-1")
    await reviews.comment(ref.article_id, "Fine.")
    with pytest.raises(NotFound, match="section"):
        await reviews.comment(ref.article_id, "Where?", block="nowhere")
    settled = await Reviews(database, by=BERT).resolve(ref.article_id, left.id)
    assert (settled.resolved_by, settled.block, settled.revision) == ("bert", "part-1", 1)
    assert (await reviews.resolve(ref.article_id, left.id)).resolved_by == "bert"
    assert [each.text for each in (await get_review(database, ref.article_id, by=ANNE)).comments] == [
        "Who says so?",
        "Fine.",
    ]


async def test_somebody_who_exists_can_be_given_a_review(database: Database) -> None:
    (ref,) = await waiting(database)
    async with database.unit_of_work() as uow:
        await uow.users.insert("ida", display_name="Ida", email=None, os_user=None)
    reviews = Reviews(database, by=ANNE)
    assert (await reviews.assign(ref.article_id, "ida")).assignee == "ida"
    with pytest.raises(NotFound):
        await reviews.assign(ref.article_id, "nobody")
    assert [each.article_id for each in await queue(database, assignee="ida")] == [ref.article_id]
    assert (await reviews.assign(ref.article_id, None)).assignee is None
    assert await queue(database, assignee="ida") == []


async def queue(database: Database, **options: Any) -> Any:
    return await list_reviews(database, by=ANNE, limit=10, **options)


async def test_the_queue_has_the_longest_waiting_first_in_pages_without_what_is_put_off(database: Database) -> None:
    refs = await waiting(database, 4)
    async with database.engine.begin() as connection:
        for hours, ref in enumerate(reversed(refs)):
            await connection.execute(
                text("UPDATE reviews SET waiting_since = now() - make_interval(hours => :h) WHERE article_id = :a"),
                {"h": hours, "a": ref.article_id},
            )
    await decide(database, refs[1], Verdict.snooze(datetime.now(UTC) + timedelta(days=1)))
    listed = await queue(database, site=SITE)
    assert [each.article_id for each in listed] == [refs[0].article_id, refs[2].article_id, refs[3].article_id]
    assert listed[0].content_hash == (await latest(database, refs[0])).content_hash
    first = await list_review_page(database, by=ANNE, excerpt=Excerpt(limit=1, order=Order.OLDEST))
    rest = await list_review_page(database, by=ANNE, excerpt=Excerpt(after=first.last, limit=9, order=Order.OLDEST))
    assert (first.items, rest.items) == (listed[:1], listed[1:])
    assert len(await queue(database, snoozed=True)) == 4
    assert await count_snoozed(database, by=ANNE, site=SITE) == 1
    assert await count_snoozed(database, by=ANNE, assignee="ida") == 0
    assert await count_snoozed(database, by=ANNE, status=ArticleStatus.APPROVED) == 0
    await decide(database, refs[0])
    assert [each.article_id for each in await queue(database, status=ArticleStatus.APPROVED)] == [refs[0].article_id]


# --- the steps that the workflow takes


async def set_waiting(database: Database, **ago: Any) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE reviews SET waiting_since = now() - CAST(:ago AS interval)"), {"ago": timedelta(**ago)}
        )


async def test_a_review_is_reminded_of_and_then_parked_and_nothing_is_lost(database: Database) -> None:
    (ref,) = await waiting(database, reminder="1h", expiry="2h")
    first = await steps(database).look(ref.article_id)
    assert first.wake_at is not None
    assert (first.status, first.is_over) == (ArticleStatus.NEEDS_REVIEW, False)
    assert timedelta(minutes=59) < first.wake_at - datetime.now(UTC) <= timedelta(hours=1)
    await set_waiting(database, minutes=61)
    reminded = await steps(database).look(ref.article_id)
    assert reminded.wake_at is not None
    assert timedelta(minutes=58) < reminded.wake_at - datetime.now(UTC) < timedelta(minutes=60)
    assert (await queue(database))[0].reminded_at is not None
    await set_waiting(database, minutes=121)
    parked = await steps(database).look(ref.article_id)
    assert (parked.status, parked.is_over, parked.wake_at) == (ArticleStatus.PARKED, True, None)
    assert (await keyword(database))[0] is LongtailStatus.WRITTEN
    restored = await decide(database, ref, Verdict.restore(note="back from holidays"))
    assert restored.status is ArticleStatus.NEEDS_REVIEW
    again = await steps(database).look(ref.article_id)
    assert again.wake_at is not None
    assert again.wake_at > datetime.now(UTC) + timedelta(minutes=59)
    details = await get_review(database, ref.article_id, by=ANNE)
    assert [(each.kind, each.by) for each in details.decisions] == [
        (DecisionKind.PARK, "blue@here"),
        (DecisionKind.RESTORE, "anne"),
    ]


async def test_nothing_is_put_off_into_the_past(database: Database) -> None:
    (ref,) = await waiting(database)
    with pytest.raises(InputInvalid, match=r"until: .* it is in the past"):
        await decide(database, ref, Verdict.snooze(datetime.now(UTC) - timedelta(seconds=1)))
    assert (await get_review(database, ref.article_id, by=ANNE)).decisions == []


async def test_a_snooze_puts_reminder_and_expiry_off(database: Database) -> None:
    (ref,) = await waiting(database, reminder="1h", expiry="2h")
    until = datetime.now(UTC) + timedelta(days=3)
    await decide(database, ref, Verdict.snooze(until))
    await set_waiting(database, hours=5)
    step = await steps(database).look(ref.article_id)
    assert (step.status, step.wake_at) == (ArticleStatus.NEEDS_REVIEW, until + timedelta(hours=1))


@pytest.mark.parametrize(
    ("reason", "section", "kept"),
    [
        (ChangeReason.STRUCTURE, None, "A"),
        (ChangeReason.TONE, None, "AB"),
        (ChangeReason.TONE, "part-2", "ABD"),
        (ChangeReason.METADATA, None, "ABC"),
    ],
)
async def test_a_request_makes_the_next_stage_revision_once_and_keeps_the_rest(
    database: Database, reason: ChangeReason, section: str | None, kept: str
) -> None:
    (ref,) = await waiting(database)
    verdict = Verdict.request_changes(reason, note="please", section=section)
    assert (await decide(database, ref, verdict)).status is ArticleStatus.CHANGES_REQUESTED
    step = await steps(database).look(ref.article_id)
    assert step.redo == ref.model_copy(update={"revision": 2})
    assert (await steps(database).look(ref.article_id)).redo == step.redo  # repeated: the same one
    async with database.unit_of_work() as uow:
        copied = await uow.stage_outputs.list_for_article(ref.article_id, 2)
        request = await uow.decisions.find_request(ref.article_id, 2)
    assert "".join(each.stage for each in copied) == kept
    assert request is not None
    assert request.taken_up_at is not None
    with pytest.raises(AlreadyDecided, match="anne decided that"):
        await decide(database, ref)


async def test_what_a_person_wrote_survives_what_the_stages_make_again(database: Database) -> None:
    (ref,) = await waiting(database)
    base = await latest(database, ref)
    first, second, *rest = base.content.sections
    hers = second.model_copy(update={"html": "<p>Anne tested this herself.</p>"})
    content = base.content.model_copy(
        update={"sections": (first, hers, *rest), "title": "How to fix a leaky tap, well"}
    )
    async with database.unit_of_work() as uow:
        await uow.revisions.add_human(ref.article_id, content, author="anne", parent=1)
    for number in (2, 3):  # the second time it stands in a machine's revision
        await decide(database, ref, CHANGE)
        step = await steps(database).look(ref.article_id)
        assert step.redo is not None
        assert step.redo.revision == number
        async with database.engine.begin() as connection:
            await connection.execute(text("DELETE FROM stage_outputs WHERE revision = :r"), {"r": number})
        await store_outputs(
            database, step.redo, title=f"A title of the stages, number {number}", tags=[f"tag {number}"]
        )
        await save(database, step.redo)
        again = await latest(database, ref)
        assert (again.number, again.author, again.stage_revision) == (number + 1, None, number)
        assert again.content.sections[1] == hers
        assert again.content.title == "How to fix a leaky tap, well"
        assert again.content.tags == (f"tag {number}",)
        details = await get_review(database, ref.article_id, by=ANNE)
        assert (details.article.status, details.approvals) == (ArticleStatus.NEEDS_REVIEW, [])
    with pytest.raises(TextReplaced, match="made by machine"):
        await decide(database, ref, expected=content.hash)


async def test_a_request_whose_keyword_went_elsewhere_gives_the_text_back(database: Database) -> None:
    (ref,) = await waiting(database)
    await decide(database, ref, CHANGE)
    async with database.unit_of_work() as uow:
        await uow.longtails.requeue(SITE, [ref.keyword])
    await open_batch(database, datetime(2026, 11, 21, 5, 0, tzinfo=UTC), limit=1)
    step = await steps(database).look(ref.article_id)
    assert (step.redo, step.status, step.is_over) == (None, ArticleStatus.NEEDS_REVIEW, False)
    last = (await get_review(database, ref.article_id, by=ANNE)).decisions[-1]
    assert (last.kind, last.by) == (DecisionKind.RESTORE, "blue@here")
    assert "another article has taken the keyword" in (last.note or "")


async def test_every_refusal_is_an_error_of_the_tree_that_names_the_article(database: Database) -> None:
    (ref,) = await waiting(database)
    await decide(database, ref)
    with pytest.raises(LongtailError) as refused:
        await decide(database, ref, REJECT)
    assert refused.value.facts["article"] == str(ref.article_id)
    assert Action.REVIEW_APPROVE.verb == "approve"
