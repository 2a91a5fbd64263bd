"""Limits of providers as workers share them."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from src.domain.rate_limit import LONGEST_RETRY_AFTER
from src.infrastructure.database.tables import ProviderLimitRow
from src.infrastructure.database.unit_of_work import Database

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
