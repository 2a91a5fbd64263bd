"""What was paid is found again, what failed is on record, and an attempt that died leaves a known unknown."""

import asyncio
import errno
import os
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout
from structlog.testing import capture_logs

from src.agents.language_model import CallCancelled, Completion, Prompt, StopReason
from src.domain.article import ArticleRef, ArticleStatus, Failure
from src.domain.colour import BLUE
from src.domain.errors import ArticleEnded, CallUnderWay, ModelError, ModelRateLimited, ModelUnreachable, WorkerLost
from src.domain.ids import CallId
from src.domain.longtail import LongtailStatus
from src.domain.stages import Stage
from src.domain.usage import CallStatus, Usage
from src.infrastructure.database.model_calls import HeldCall, ModelCall
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.database.workers import RegisteredWorker
from src.infrastructure.llm import call_owner
from src.infrastructure.llm.call_owner import Attempt, CallOwner
from src.infrastructure.llm.calls_in_flight import CallsInFlight
from src.infrastructure.llm.ledger import Ledger
from src.infrastructure.llm.model_choice import Choice
from src.infrastructure.llm.providers import ResolvedModel
from src.infrastructure.llm.spool import Spool
from src.infrastructure.llm.testing import ScriptedModel
from src.infrastructure.temporal.messages import RecordFailure
from tests.call_owners import an_owner
from tests.eventually import eventually
from tests.factories import SLOT, a_site, longtails, open_batch
from tests.finished_articles import article_activities

PROMPT = Prompt(
    stage=Stage.OUTLINE,
    name="outline@1",
    system="Plan.",
    data={"keyword": "leaky tap"},
    schema=None,
    max_output_tokens=4000,
)


@pytest.fixture
async def article(database: Database) -> ArticleRef:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(1), source="test")
    batch_id, _ = await open_batch(database)
    async with database.unit_of_work() as uow:
        return (await uow.articles.list_unfinished(batch_id, first=0, end=1))[0]


def ledger(
    database: Database,
    article: ArticleRef,
    *answers: str | Completion | ModelError,
    attempt: int = 1,
    model: str = "gpt-6-luna",
    owner: CallOwner | None = None,
) -> tuple[Ledger, ScriptedModel]:
    scripted = ScriptedModel(answers)
    resolved = ResolvedModel(choice=Choice(provider="openai", model=model), language_model=scripted)
    return Ledger(
        database, resolved, article=article, attempt=Attempt(number=attempt), owner=owner or an_owner()
    ), scripted


async def calls(database: Database, article: ArticleRef) -> list[ModelCall]:
    async with database.unit_of_work() as uow:
        return await uow.model_calls.list_for_article(article.article_id)


async def test_a_paid_answer_is_never_bought_again(database: Database, article: ArticleRef) -> None:
    first, _ = ledger(database, article, "the plan")
    bought = await first.generate(PROMPT)
    second, asked = ledger(database, article, attempt=2)
    assert await second.generate(PROMPT) == bought
    assert asked.prompts == []
    assert second.provenance == first.provenance
    assert [call.status for call in await calls(database, article)] == [CallStatus.ANSWERED]


async def test_another_question_is_another_call(database: Database, article: ArticleRef) -> None:
    first, _ = ledger(database, article, "the plan", "a better plan")
    await first.generate(PROMPT)
    assert (await first.generate(PROMPT.follow("the plan", "title too long"))).text == "a better plan"
    assert [call.round for call in await calls(database, article)] == [0, 1]


async def test_the_call_is_on_record_before_it_is_made(database: Database, article: ArticleRef) -> None:
    seen: list[str] = []

    class Looking:
        async def generate(self, prompt: Prompt) -> Completion:
            seen.extend(call.status for call in await calls(database, article))
            raise ModelUnreachable("down")

    resolved = ResolvedModel(choice=Choice(provider="openai", model="m"), language_model=Looking())
    with pytest.raises(ModelUnreachable):
        await Ledger(database, resolved, article=article, attempt=Attempt(number=1), owner=an_owner()).generate(PROMPT)
    assert seen == [CallStatus.OPEN]


async def test_a_failed_call_keeps_what_it_used_and_cost(database: Database, article: ArticleRef) -> None:
    error = ModelRateLimited("slow down", usage=Usage(input_tokens=1_000_000), request_id="req-7")
    failing, _ = ledger(database, article, error)
    with pytest.raises(ModelRateLimited):
        await failing.generate(PROMPT)
    (call,) = await calls(database, article)
    assert (call.status, call.error_type, call.request_id) == (CallStatus.FAILED, "ModelRateLimited", "req-7")
    assert call.input_tokens == 1_000_000
    assert call.cost_usd is not None
    assert call.cost_usd > Decimal(0)


async def test_a_model_without_a_known_price_is_unpriced_not_free(database: Database, article: ArticleRef) -> None:
    asking, _ = ledger(database, article, "the plan", model="home-made")
    await asking.generate(PROMPT)
    async with database.unit_of_work() as uow:
        spend = await uow.model_calls.sum_usage(article_id=article.article_id)
    assert (spend.calls, spend.unpriced_calls, spend.output_tokens) == (1, 1, 1)


async def test_a_call_that_a_dead_worker_left_open_is_written_off_by_the_next(
    database: Database, article: ArticleRef
) -> None:
    request = ledger(database, article)[0]._request(PROMPT)
    await database.run_in_transaction(lambda uow: uow.model_calls.find_or_open(request))  # and then the worker dies
    again, _ = ledger(database, article, "the plan", attempt=2, owner=an_owner("green@there"))
    await again.generate(PROMPT)
    assert [call.status for call in await calls(database, article)] == [CallStatus.LOST, CallStatus.ANSWERED]


async def test_a_call_that_this_process_put_on_record_and_did_not_make_costs_nothing(
    database: Database, article: ArticleRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database crashes once it has the call, and before it says so."""
    ordinary = Database.run_autocommit
    crashed: list[str] = []

    async def crash(self: Database, work: Callable[[Any], Awaitable[Any]]) -> Any:
        found = await ordinary(self, work)
        if isinstance(found, UUID) and not crashed:
            crashed.append(str(found))
            found = await ordinary(self, work)  # as it is repeated on another connection
        return found

    monkeypatch.setattr(Database, "run_autocommit", crash)
    asking, _ = ledger(database, article, "the plan")
    assert (await asking.generate(PROMPT)).text == "the plan"
    unsent, made = await calls(database, article)
    assert (unsent.status, unsent.error_type, unsent.cost_usd) == (CallStatus.FAILED, "NotSent", Decimal(0))
    assert made.status is CallStatus.ANSWERED
    async with database.unit_of_work() as uow:
        lost = await uow._session.scalar(text("SELECT count(*) FROM stage_failures"))
    assert lost == 0


async def test_a_worker_closes_what_it_put_on_record_and_did_not_make(
    database: Database, article: ArticleRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_owner, "_LONGEST_UNSENT", timedelta(0))
    owner = an_owner()
    asking, _ = ledger(database, article, owner=owner)
    sent = await asking._find(asking._request(PROMPT), may_open=True)
    unsent = await asking._find(asking._request(PROMPT.follow("the plan", "title too long")), may_open=True)
    assert isinstance(sent, UUID)
    owner.in_flight.note_sent(CallId(sent))
    await owner.close_unsent(database)
    found = {call.id: (call.status, call.error_type) for call in await calls(database, article)}
    assert found == {sent: (CallStatus.OPEN, None), unsent: (CallStatus.FAILED, "NotSent")}


async def test_a_call_of_a_living_worker_is_waited_for(database: Database, article: ArticleRef) -> None:
    request = ledger(database, article)[0]._request(PROMPT)
    await database.run_autocommit(lambda uow: uow.model_calls.find_or_open(request))
    again, asked = ledger(database, article, attempt=2, owner=an_owner("green@there", others_are_gone=False))
    with pytest.raises(CallUnderWay) as under_way:
        await again.generate(PROMPT)
    assert (under_way.value.worker, under_way.value.retryable, asked.prompts) == ("blue@here", True, [])
    assert [call.status for call in await calls(database, article)] == [CallStatus.OPEN]


async def test_a_stage_that_loses_three_workers_gives_up(database: Database, article: ArticleRef) -> None:
    request = ledger(database, article)[0]._request(PROMPT)
    again, asked = ledger(database, article, owner=an_owner("green@there"))
    for _ in range(2):
        await database.run_autocommit(lambda uow: uow.model_calls.find_or_open(request))
        await again._settle(await held(database, again), request)
    await database.run_autocommit(lambda uow: uow.model_calls.find_or_open(request))
    with pytest.raises(WorkerLost):
        await again.generate(PROMPT)
    assert asked.prompts == []
    assert [call.status for call in await calls(database, article)] == [CallStatus.LOST] * 3


async def held(database: Database, asking: Ledger) -> HeldCall:
    found = await database.run_autocommit(lambda uow: uow.model_calls.find_or_open(asking._request(PROMPT)))
    assert isinstance(found, HeldCall)
    return found


async def test_an_open_call_is_one_a_question(database: Database, article: ArticleRef) -> None:
    request = ledger(database, article)[0]._request(PROMPT)
    opened = await asyncio.gather(
        *(database.run_autocommit(lambda uow: uow.model_calls.find_or_open(request)) for _ in range(8))
    )
    assert len([found for found in opened if isinstance(found, UUID)]) == 1
    assert len(await calls(database, article)) == 1


async def test_a_call_of_a_living_worker_outlives_the_end_of_its_article(
    database: Database, article: ArticleRef
) -> None:
    """Its answer may wait in a file: written off, the question would be bought again before the answer is stored."""
    worker = RegisteredWorker(
        instance="blue@here",
        colour=BLUE,
        host="here",
        pid=1,
        process_started_at=0.0,
        code_version="test",
        slots=1,
    )
    await database.run_in_transaction(lambda uow: uow.workers.register(worker))
    request = ledger(database, article)[0]._request(PROMPT)
    await database.run_autocommit(lambda uow: uow.model_calls.find_or_open(request))
    await article_activities(database).record_cancellation(article)
    assert [call.status for call in await calls(database, article)] == [CallStatus.OPEN]
    await database.run_in_transaction(lambda uow: uow.workers.say_goodbye("blue@here"))
    await database.run_in_transaction(lambda uow: uow.model_calls.write_off(article.article_id))
    assert [call.status for call in await calls(database, article)] == [CallStatus.LOST]


async def test_nothing_is_bought_for_an_article_that_was_cancelled(database: Database, article: ArticleRef) -> None:
    async with database.unit_of_work() as uow:
        await uow.articles.cancel(article.article_id)
    asking, asked = ledger(database, article)
    with pytest.raises(ArticleEnded):
        await asking.generate(PROMPT)
    assert asked.prompts == []


async def test_an_article_that_a_later_batch_took_up_does_not_fail_by_its_earlier_end(
    database: Database, article: ArticleRef
) -> None:
    async with database.unit_of_work() as uow:
        await uow.articles.cancel(article.article_id)
    await open_batch(database, SLOT + timedelta(days=1))
    ended = Failure(stage=Stage.OUTLINE, error_type="ArticleEnded", message="it was ended meanwhile", attempts=1)
    await article_activities(database).record_failure(RecordFailure(article=article, failure=ended))
    async with database.unit_of_work() as uow:
        assert await uow.articles.get_status(article.article_id) is ArticleStatus.CANCELLED
        assert (await uow.longtails.count_by_status("hardware-shop"))[LongtailStatus.READY] == 1


async def test_another_cap_effort_or_model_is_the_same_question(database: Database, article: ArticleRef) -> None:
    first, _ = ledger(database, article, "the plan")
    await first.generate(PROMPT)
    second, asked = ledger(database, article, model="gpt-6.1-terra")
    assert (await second.generate(replace(PROMPT, max_output_tokens=9000, effort="low"))).text == "the plan"
    assert asked.prompts == []


async def test_an_answer_waits_in_a_file_while_the_database_does_not_answer(
    database: Database, article: ArticleRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, answered, commit = an_owner(), asyncio.Event(), database.run_autocommit

    class Answers:
        async def generate(self, prompt: Prompt) -> Completion:
            answered.set()
            return Completion(text="the plan", stop_reason=StopReason.COMPLETE, model="m", usage=Usage())

    async def away(work: Any) -> Any:
        if answered.is_set():
            raise ConnectionRefusedError
        return await commit(work)

    resolved = ResolvedModel(choice=Choice(provider="openai", model="m"), language_model=Answers())
    monkeypatch.setattr(database, "run_autocommit", away)
    asking = Ledger(database, resolved, article=article, attempt=Attempt(number=1), owner=owner)
    attempt = asyncio.create_task(asking.generate(PROMPT))

    async def is_kept() -> bool:
        return bool(owner.spool.list_files())

    await eventually(is_kept)
    attempt.cancel()  # the worker has to end; its grace is over
    with pytest.raises(asyncio.CancelledError):
        await attempt
    monkeypatch.setattr(database, "run_autocommit", commit)
    again, asked = ledger(database, article, owner=an_owner("blue@next", spool=owner.spool))
    assert (await again.generate(PROMPT)).text == "the plan"
    assert (asked.prompts, owner.spool.list_files()) == ([], [])
    assert [call.status for call in await calls(database, article)] == [CallStatus.ANSWERED]


@pytest.mark.parametrize("first_back", ["database", "disk"])
async def test_an_answer_that_nothing_takes_stays_in_memory(
    database: Database, article: ArticleRef, monkeypatch: pytest.MonkeyPatch, first_back: str
) -> None:
    owner, away, full, commit, sync = an_owner(), asyncio.Event(), asyncio.Event(), database.run_autocommit, os.fsync
    tries: list[str] = []

    class Answers:
        async def generate(self, prompt: Prompt) -> Completion:
            away.set()
            full.set()
            return Completion(text="the plan", stop_reason=StopReason.COMPLETE, model="m", usage=Usage())

    async def commit_or_refuse(work: Any) -> Any:
        if away.is_set():
            tries.append("database")
            raise ConnectionRefusedError
        return await commit(work)

    def sync_or_refuse(file: int) -> None:
        if full.is_set():
            tries.append("disk")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)

    monkeypatch.setattr("src.infrastructure.llm.ledger._RETRY_SECONDS", 0.01)
    monkeypatch.setattr(database, "run_autocommit", commit_or_refuse)
    monkeypatch.setattr(os, "fsync", sync_or_refuse)
    resolved = ResolvedModel(choice=Choice(provider="openai", model="m"), language_model=Answers())
    with capture_logs() as logs:
        attempt = asyncio.create_task(
            Ledger(database, resolved, article=article, attempt=Attempt(number=1), owner=owner).generate(PROMPT)
        )

        async def tried_twice() -> bool:
            return tries[:4] == ["database", "disk"] * 2

        await eventually(tried_twice)
        assert owner.spool.in_memory == [(article.article_id, Stage.OUTLINE)]
        assert not list(owner.spool._folder.iterdir())  # nothing unfinished stays
        {"database": away, "disk": full}[first_back].clear()

        async def is_kept() -> bool:
            return not owner.spool.in_memory

        await eventually(is_kept)
        assert bool(owner.spool.list_files()) is (first_back == "disk")
        away.clear()
        assert (await attempt).text == "the plan"
    (said,) = [entry for entry in logs if entry["event"] == "spool_not_usable"]
    assert (said["error"], said["folder"]) == ("No space left on device", str(owner.spool._folder))
    assert [call.status for call in await calls(database, article)] == [CallStatus.ANSWERED]
    assert (owner.spool.in_memory, owner.spool.list_files()) == ([], [])


@pytest.mark.parametrize("may_rename", [True, False])
async def test_a_file_that_holds_no_result_is_set_aside_and_told_of_once(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may_rename: bool
) -> None:
    def refuse(file: Path, target: Path) -> Path:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    if not may_rename:
        monkeypatch.setattr(Path, "replace", refuse)
    file, spool = tmp_path / f"{uuid4()}.json", Spool(tmp_path)
    file.write_text('{"call_id": "half a')
    with capture_logs() as logs:
        for _ in range(3):
            assert await spool.flush(database) == 0
    (said,) = logs
    assert said["event"] == ("spool_file_unreadable" if may_rename else "spool_not_usable")
    assert [name for _, _, names in os.walk(tmp_path) for name in names] == [
        f"{file.stem}.{'unreadable' if may_rename else 'json'}"
    ]
    assert spool.list_files() == []


def test_what_a_dead_process_was_writing_is_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    names = [f"{uuid4()}.{pid}" for pid in (ended.pid, os.getpid(), os.getppid())]
    for name in (*names, "notes.txt"):
        (tmp_path / name).touch()
    Spool(tmp_path).remove_unfinished()
    assert {file.name for file in tmp_path.iterdir()} == {names[2], "notes.txt"}


async def test_no_call_stays_open_when_its_article_ends(database: Database, article: ArticleRef) -> None:
    request = ledger(database, article)[0]._request(PROMPT)
    ending = article_activities(database)
    lost_worker = Failure(stage=Stage.OUTLINE, error_type="WorkerLost", message="it fell silent", attempts=6)
    for end in (
        lambda: ending.record_cancellation(article),
        lambda: ending.record_failure(RecordFailure(article=article, failure=lost_worker)),
    ):
        await database.run_in_transaction(lambda uow: uow.model_calls.find_or_open(request))
        await end()
        assert {call.status for call in await calls(database, article)} == {CallStatus.LOST}


async def test_a_discarded_answer_is_kept_but_asked_for_anew(database: Database, article: ArticleRef) -> None:
    first, _ = ledger(database, article, "a bad plan")
    await first.generate(PROMPT)
    async with database.unit_of_work() as uow:
        await uow.model_calls.discard(article.article_id, 1, Stage.OUTLINE)
    second, _ = ledger(database, article, "a good plan")
    assert (await second.generate(PROMPT)).text == "a good plan"
    assert [call.answer for call in await calls(database, article)] == ["a bad plan", "a good plan"]


async def test_a_cancelled_call_is_on_record(database: Database, article: ArticleRef) -> None:
    started = asyncio.Event()

    class Silent:
        async def generate(self, prompt: Prompt) -> Completion:
            started.set()
            return await asyncio.Future()

    resolved = ResolvedModel(choice=Choice(provider="openai", model="m"), language_model=Silent())
    asking = asyncio.create_task(
        Ledger(database, resolved, article=article, attempt=Attempt(number=1), owner=an_owner()).generate(PROMPT)
    )
    await started.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    (call,) = await calls(database, article)
    assert (call.status, call.error_type) == (CallStatus.FAILED, "Cancelled")


async def test_a_cancelled_call_keeps_what_it_had_used(database: Database, article: ArticleRef) -> None:
    started = asyncio.Event()

    class Writing:
        async def generate(self, prompt: Prompt) -> Completion:
            started.set()
            try:
                return await asyncio.Future()
            except asyncio.CancelledError:
                raise CallCancelled(Usage(input_tokens=100_000), request_id="req-8") from None

    resolved = ResolvedModel(choice=Choice(provider="openai", model="gpt-6-luna"), language_model=Writing())
    asking = asyncio.create_task(
        Ledger(database, resolved, article=article, attempt=Attempt(number=1), owner=an_owner()).generate(PROMPT)
    )
    await started.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    (call,) = await calls(database, article)
    assert (call.status, call.error_type, call.request_id) == (CallStatus.FAILED, "Cancelled", "req-8")
    assert (call.input_tokens, call.cost_usd) == (100_000, Decimal("0.01"))


@pytest.mark.parametrize(
    ("received", "kept"),
    [
        ("a tap \ud83d\udca1", "a tap 💡"),  # one emoji, split over two chunks of a stream
        ("half \ud83d of one", "half � of one"),
        ("\udca1\ud83d", "��"),
        ("nothing\x00 here", "nothing here"),
    ],
)
async def test_an_answer_that_no_database_stores_is_kept_and_bought_once(
    database: Database, article: ArticleRef, received: str, kept: str
) -> None:
    first, _ = ledger(database, article, received)
    assert (await first.generate(PROMPT)).text == kept
    second, scripted = ledger(database, article)
    assert (await second.generate(PROMPT)).text == kept
    assert scripted.prompts == []


async def test_numbers_beyond_any_column_do_not_lose_the_answer(database: Database, article: ArticleRef) -> None:
    usage = Usage(input_tokens=2**40, output_tokens=2**63)
    answer = Completion(text="the plan", stop_reason=StopReason.COMPLETE, model="gpt-6-luna", usage=usage)
    await ledger(database, article, answer)[0].generate(PROMPT)
    (call,) = await calls(database, article)
    assert (call.status, call.answer, call.output_tokens) == (CallStatus.ANSWERED, "the plan", 2**31 - 1)


async def test_the_cost_of_an_answer_that_nobody_counted_is_unknown(database: Database, article: ArticleRef) -> None:
    answer = Completion(
        text="## One", stop_reason=StopReason.TRUNCATED, model="gpt-6-luna", usage=Usage(), is_counted=False
    )
    bought = await ledger(database, article, answer)[0].generate(PROMPT)
    (call,) = await calls(database, article)
    assert (call.status, call.stop_reason, call.answer) == (CallStatus.ANSWERED, "truncated", "## One")
    assert (call.cost_usd, call.output_tokens) == (None, None)
    assert await ledger(database, article, attempt=2)[0].generate(PROMPT) == bought


async def test_an_answer_is_committed_although_its_task_is_cancelled_meanwhile(
    database: Database, article: ArticleRef
) -> None:
    asked, is_slow = asyncio.Event(), asyncio.Event()

    class Answers:
        async def generate(self, prompt: Prompt) -> Completion:
            asked.set()
            await is_slow.wait()
            return Completion(text="the plan", stop_reason=StopReason.COMPLETE, model="m", usage=Usage())

    resolved = ResolvedModel(choice=Choice(provider="openai", model="m"), language_model=Answers())
    async with database.engine.begin() as slow:
        asking = asyncio.create_task(
            Ledger(database, resolved, article=article, attempt=Attempt(number=1), owner=an_owner()).generate(PROMPT)
        )
        await asked.wait()
        await slow.execute(text("LOCK TABLE model_calls"))
        is_slow.set()

        async def commit_waits() -> bool:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'model_calls'::regclass"
            async with database.engine.connect() as connection:
                return bool(await connection.scalar(text(waiting)))

        await eventually(commit_waits)
        for _ in range(3):
            asking.cancel()
            await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await asking
    (call,) = await calls(database, article)
    assert (call.status, call.answer) == (CallStatus.ANSWERED, "the plan")


async def test_an_exhausted_pool_does_not_lose_the_answer(
    database: Database, article: ArticleRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.infrastructure.llm.ledger._RETRY_SECONDS", 0.01)
    commit, failures = database.run_autocommit, iter([PoolTimeout("QueuePool limit reached")] * 3)

    async def crowded(work: Any) -> Any:
        if answered.is_set() and (failure := next(failures, None)):
            raise failure
        return await commit(work)

    answered = asyncio.Event()

    class Answers:
        async def generate(self, prompt: Prompt) -> Completion:
            answered.set()
            return Completion(text="the plan", stop_reason=StopReason.COMPLETE, model="m", usage=Usage())

    monkeypatch.setattr(database, "run_autocommit", crowded)
    resolved = ResolvedModel(choice=Choice(provider="openai", model="m"), language_model=Answers())
    await Ledger(database, resolved, article=article, attempt=Attempt(number=1), owner=an_owner()).generate(PROMPT)
    (call,) = await calls(database, article)
    assert (call.status, call.answer) == (CallStatus.ANSWERED, "the plan")


async def test_no_call_stays_open_when_its_batch_is_closed(database: Database, article: ArticleRef) -> None:
    request = ledger(database, article)[0]._request(PROMPT)
    await database.run_in_transaction(lambda uow: uow.model_calls.find_or_open(request))
    async with database.unit_of_work() as uow:
        batch_id = (await uow.articles.get(article.article_id)).batch_id
        await uow.batches.close(batch_id, cancelled=True, error=None)
    assert [call.status for call in await calls(database, article)] == [CallStatus.LOST]


class Slow:
    """A model that answers when it is told to, and counts its calls."""

    def __init__(self) -> None:
        self.asked, self.answers, self.calls, self.cut_off = asyncio.Event(), asyncio.Event(), 0, 0

    async def generate(self, prompt: Prompt) -> Completion:
        self.calls += 1
        self.asked.set()
        try:
            await self.answers.wait()
        except asyncio.CancelledError:
            self.cut_off += 1
            raise
        return Completion(text="the plan", stop_reason=StopReason.COMPLETE, model="m", usage=Usage())


async def never() -> None:
    await asyncio.Event().wait()


def attempt_at(
    database: Database,
    article: ArticleRef,
    model: Slow,
    in_flight: CallsInFlight,
    *,
    attempt: int = 1,
    until_stopping: Callable[[], Awaitable[object]] = never,
) -> Ledger:
    resolved = ResolvedModel(choice=Choice(provider="openai", model="m"), language_model=model)
    given_up = Attempt(number=attempt, is_given_up=lambda: True, until_stopping=until_stopping)
    return Ledger(database, resolved, article=article, attempt=given_up, owner=an_owner(in_flight=in_flight))


async def test_an_attempt_that_temporal_gave_up_finishes_and_the_next_one_uses_its_answer(
    database: Database, article: ArticleRef
) -> None:
    model, in_flight = Slow(), CallsInFlight()
    first = asyncio.create_task(attempt_at(database, article, model, in_flight).generate(PROMPT))
    await model.asked.wait()
    first.cancel()  # the server was silent longer than the heartbeat timeout
    second = asyncio.create_task(attempt_at(database, article, model, in_flight, attempt=2).generate(PROMPT))
    await asyncio.sleep(0)
    model.answers.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await second).text == "the plan"
    assert (model.calls, model.cut_off) == (1, 0)
    assert [call.status for call in await calls(database, article)] == [CallStatus.ANSWERED]


async def test_a_worker_that_stops_cuts_off_what_was_given_up(database: Database, article: ArticleRef) -> None:
    model, stopping = Slow(), asyncio.Event()
    attempt = attempt_at(database, article, model, CallsInFlight(), until_stopping=stopping.wait)
    asking = asyncio.create_task(attempt.generate(PROMPT))
    await model.asked.wait()
    asking.cancel()
    stopping.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert model.cut_off == 1
    (call,) = await calls(database, article)
    assert (call.status, call.error_type) == (CallStatus.FAILED, "Cancelled")


async def test_two_attempts_at_once_buy_once(database: Database, article: ArticleRef) -> None:
    model, in_flight = Slow(), CallsInFlight()
    both = [
        asyncio.create_task(attempt_at(database, article, model, in_flight, attempt=n).generate(PROMPT)) for n in (1, 2)
    ]
    await model.asked.wait()
    model.answers.set()
    assert {completion.text for completion in await asyncio.gather(*both)} == {"the plan"}
    assert model.calls == 1
