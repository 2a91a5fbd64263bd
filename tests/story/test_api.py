"""``longtail api`` as it is run: it says where it is, follows a batch, and ends with 0 while somebody follows."""

import asyncio
import re

from httpx2 import AsyncClient

from src.infrastructure.database.unit_of_work import Database
from tests.eventually import eventually
from tests.finished_articles import finished_articles

from .conftest import Longtail, Running


async def address_of(api: Running) -> str:
    """Wait until the API serves, and return where."""

    async def told() -> str | None:
        found = re.search(r'"address": "(http[^"]+)", "event": "api_started"', api.output)
        return found[1] if found else None

    return await eventually(told) or ""


async def test_the_api_ends_at_once_though_somebody_follows_a_batch(longtail: Longtail, database: Database) -> None:
    await finished_articles(database)
    async with database.unit_of_work() as uow:
        (batch,) = await uow.batches.list_all()
    longtail.run("user", "add", "anna", "--role", "admin")
    secret = longtail.json("--as", "anna", "user", "token", "create", "anna", "ci", "--expires", "1h")["secret"]
    with longtail.start("api", "--port", "0") as api:
        address = await address_of(api)
        assert longtail.run("api", "--port", address.rsplit(":", 1)[1]).returncode == 2  # the port is taken
        async with AsyncClient(base_url=address, headers={"Authorization": f"Bearer {secret}"}, timeout=30) as client:
            assert (await client.get("/health/ready")).status_code == 200
            assert (await client.get("/api/v1/me")).json()["token"] == "anna/ci"
            async with client.stream("GET", f"/api/v1/batches/{batch.id}/events") as events:
                lines = events.aiter_lines()
                assert await anext(lines) == "retry: 1000"
                assert await asyncio.to_thread(api.terminate) == 0
                assert any([line == "event: batch" async for line in lines])
    assert secret not in api.output


async def test_a_replica_that_leaves_tells_its_proxy_and_serves_meanwhile(longtail: Longtail) -> None:
    with longtail.start("api", "--port", "0", LONGTAIL_API_SHUTDOWN_DELAY="3") as api:
        address = await address_of(api)
        port = address.rsplit(":", 1)[1]
        async with AsyncClient(base_url=address, timeout=30) as client:
            assert (await client.get("/health/serving")).json() == {"status": "serving"}
            assert longtail.run("api", "ready", "--port", port).stdout.strip() == "ready"
            api.process.terminate()

            async def has_told() -> bool:
                return (await client.get("/health/serving")).status_code == 503

            await eventually(has_told)
            assert (await client.get("/health/live")).status_code == 200
        assert await asyncio.to_thread(api.process.wait, 60) == 0
    assert longtail.run("api", "ready", "--port", port).returncode == 1
