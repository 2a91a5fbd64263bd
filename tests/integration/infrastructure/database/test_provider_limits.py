"""Limits of providers as workers share them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from src.application.articles import get_article_details
from src.application.batches import get_batch_details
from src.domain.errors import ModelUnavailable
from src.domain.rate_limit import LONGEST_RETRY_AFTER, ProviderLimit
from src.infrastructure.database.provider_limits import LimitKey
from src.infrastructure.database.tables import ProviderLimitRow
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.call_owner import Attempt
from src.infrastructure.llm.ledger import Ledger
from src.infrastructure.llm.model_choice import Choice
from src.infrastructure.llm.providers import ResolvedModel
from src.infrastructure.llm.testing import ScriptedModel
from tests.applications import ANNA
from tests.call_owners import an_owner
from tests.factories import a_site, longtails, open_batch

from .test_ledger import PROMPT

START = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
KEY = ("https://old.example/v1", "m-1")


async def test_a_row_that_is_closed_for_days_is_closed_for_minutes_at_the_next_look(database: Database) -> None:
    later = datetime.now(UTC) + timedelta(days=31)
    async with database.engine.begin() as connection:
        row = {"endpoint": KEY[0], "model": KEY[1], "rate": 2.0, "closed_until": later, "counted_at": later}
        await connection.execute(insert(ProviderLimitRow).values(row))

    for _ in range(2):  # the second look finds what the first one stored
        async with database.unit_of_work() as uow:
            limit, wait = await uow.provider_limits.change(KEY, lambda known, now: (known, known.wait(now)))
            stored = (await uow.provider_limits.list_all())[KEY]
        assert timedelta(0) < wait <= LONGEST_RETRY_AFTER + timedelta(seconds=1)
        assert stored.closed_until == limit.closed_until
        assert stored.closed_until is not None
        assert stored.closed_until < later - timedelta(days=30)


async def test_articles_say_which_model_they_wait_for(database: Database) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(1), source="test")
    batch_id, _ = await open_batch(database)

    async def waits(*names: str) -> list[tuple[str, str, bool]]:
        details = await get_batch_details(database, batch_id, by=ANNA, names_models=lambda _: names)
        (article,) = details.articles
        found = (await get_article_details(database, article.id, by=ANNA, names_models=lambda _: names)).waits
        assert [wait.model_copy(update={"until": START}) for wait in found] == [
            wait.model_copy(update={"until": START}) for wait in details.waits
        ]
        now = datetime.now(UTC)
        assert all(now - timedelta(seconds=9) < wait.until < now + timedelta(minutes=6) for wait in found)
        return [(wait.model, wait.endpoint, wait.is_out_of_order) for wait in found]

    refused, out, free = ("https://a.example", "w-1"), ("https://a.example", "w-2"), ("https://a.example", "w-3")
    rules: dict[LimitKey, Callable[[ProviderLimit, datetime], ProviderLimit]] = {
        refused: lambda limit, now: limit.refuse(now, version=0, observed=1, retry_after=timedelta(minutes=2)),
        out: lambda limit, now: limit.fail(now, version=0, retry_after=None),
        free: lambda limit, now: limit,
    }
    for key, rule in rules.items():
        async with database.unit_of_work() as uow:
            await uow.provider_limits.change(key, lambda limit, now, rule=rule: (rule(limit, now), None))  # type: ignore[misc]
    assert await waits() == []
    assert await waits("w-1", "w-2", "w-3") == [("w-1", "https://a.example", False), ("w-2", "https://a.example", True)]

    asking = ScriptedModel([ModelUnavailable("HTTP 503")])
    resolved = ResolvedModel(choice=Choice(provider="openai", model="w-2"), language_model=asking)
    async with database.unit_of_work() as uow:
        (ref,) = await uow.articles.list_unfinished(batch_id, first=0, end=1)
    with pytest.raises(ModelUnavailable):
        await Ledger(database, resolved, article=ref, attempt=Attempt(number=1), owner=an_owner()).generate(PROMPT)
    assert await waits() == [("w-2", "https://a.example", True)]  # of a model that was called, whoever resolves names

    async with database.unit_of_work() as uow:
        await uow.articles.cancel(ref.article_id)
    assert await waits("w-1") == []
