"""Live progress: every step of a batch once and in order, over restarts of the API and whatever commits late."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from httpx2 import AsyncClient, HTTPError, Response
from sqlalchemy import text

from src.application.progress import list_steps
from src.domain.article import ArticleRef
from src.domain.ids import BatchId
from src.domain.progress import ProgressPosition, ProgressStep
from tests.applications import ANNA
from tests.eventually import eventually
from tests.finished_articles import finished_articles, save

from .conftest import Api
from .served import served

Event = tuple[str, str, dict[str, Any]]  # id, name, data


class Batch:
    def __init__(self, api: Api, batch_id: BatchId, refs: list[ArticleRef]) -> None:
        self._api = api
        self.id = batch_id
        self.refs = refs

    async def close(self) -> None:
        async with self._api.database.unit_of_work() as uow:
            await uow.batches.close(self.id, cancelled=False, error=None)

    async def steps(self) -> list[str]:
        """Return what the table has, in the order of its rows."""
        async with self._api.database.engine.connect() as connection:
            rows = await connection.execute(
                text("SELECT coalesce(status, stage) FROM progress_steps WHERE batch_id = :id ORDER BY number"),
                {"id": self.id},
            )
            return list(rows.scalars())


@pytest.fixture
async def batch(api: Api) -> AsyncIterator[Batch]:
    refs = await finished_articles(api.database, 3)
    async with api.database.unit_of_work() as uow:
        (found,) = await uow.batches.list_all()
    yield Batch(api, found.id, refs)
    async with api.database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM sites"))
        left = await connection.scalar(text("SELECT count(*) FROM progress_steps"))
    assert left == 0


@asynccontextmanager
async def following(port: int, token: str, batch: Batch, last: str | None = None) -> AsyncIterator[Response]:
    headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": last} if last else {})
    async with (
        AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as client,
        client.stream("GET", f"/api/v1/batches/{batch.id}/events") as answer,
    ):
        yield answer


async def events(answer: Response) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield fields.get("id", ""), fields["event"], json.loads(fields["data"])
            fields = {}


def state(event: Event) -> str:
    return str(event[2].get("status") or event[2].get("stage"))


async def test_a_client_that_comes_back_after_a_restart_has_missed_no_state(api: Api, admin: str, batch: Batch) -> None:
    seen: list[Event] = []
    async with served(api.application) as port, following(port, admin, batch) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = events(answer)
        seen += [await anext(stream) for _ in range(3)]
        await save(api.database, batch.refs[0])
        known = await batch.steps()
        while len(seen) < len(known):
            seen.append(await anext(stream))
    # The server is gone, and the stream ended without an end.
    await save(api.database, batch.refs[1])
    async with served(api.application, port), following(port, admin, batch, last=seen[-1][0]) as answer:
        stream = events(answer)
        seen.append(await anext(stream))
        await save(api.database, batch.refs[2])
        await batch.close()
        seen += [event async for event in stream]
        assert seen.pop()[1] == "end"
        async with following(port, admin, batch, last=seen[-1][0]) as over:
            assert over.status_code == 204
    assert [state(event) for event in seen] == await batch.steps()
    assert state(seen[-1]) == "completed"
    assert len({event[0] for event in seen}) == len(seen)


async def test_a_stream_is_open_when_the_process_stops_and_does_not_hold_it(api: Api, admin: str, batch: Batch) -> None:
    async with served(api.application) as port:
        opened = asyncio.Event()

        async def watch() -> int:
            count = 0
            async with following(port, admin, batch) as answer:
                async for _ in events(answer):
                    count += 1
                    opened.set()
            return count

        watching = [asyncio.create_task(watch()) for _ in range(5)]
        await opened.wait()
    counts = await asyncio.gather(*watching, return_exceptions=True)
    assert not [each for each in counts if isinstance(each, BaseException) and not isinstance(each, HTTPError)]


async def test_what_commits_late_is_told_late_and_not_left_out(api: Api, admin: str, batch: Batch) -> None:
    """Transactions in other databases of the server hold steps back too, so what is due is waited for."""

    async def told(after: ProgressPosition, number: int) -> list[ProgressStep]:
        steps = (await list_steps(api.database, batch.id, by=ANNA, after=after)).steps
        return steps if len(steps) == number else []

    known = len(await batch.steps())
    last = (await eventually(lambda: told(ProgressPosition(), known)))[-1].position
    first, second = (ref.article_id for ref in batch.refs[:2])
    change = text("UPDATE articles SET status = 'generating' WHERE id = :id")
    async with api.database.engine.connect() as slow, api.database.engine.connect() as fast:
        await slow.execute(change, {"id": first})
        await fast.execute(change, {"id": second})
        await fast.commit()
        meanwhile = await list_steps(api.database, batch.id, by=ANNA, after=last)
        await slow.commit()
    after = await eventually(lambda: told(last, 2))
    assert meanwhile.steps == []
    assert not meanwhile.is_over
    assert [step.article for step in after] == [first, second]


async def test_only_who_may_read_the_site_may_follow(api: Api, batch: Batch) -> None:
    async with api.client() as nobody:
        assert (await nobody.get(f"/api/v1/batches/{batch.id}/events")).status_code == 401


@pytest.mark.parametrize("position", ["x", "1", "-1-2", "9" * 30 + "-1"])
async def test_a_position_of_something_else_is_refused(asking: AsyncClient, batch: Batch, position: str) -> None:
    answer = await asking.get(f"/api/v1/batches/{batch.id}/events", headers={"Last-Event-ID": position})
    assert answer.status_code == 422
