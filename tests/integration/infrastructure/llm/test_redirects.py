"""A redirect is never followed: a host that nobody chose would get the prompt."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from src.domain.errors import ModelBadRequest
from src.domain.site import ModelChoice
from src.infrastructure.llm.providers import Providers

from .conftest import PROMPT, PROVIDERS, endpoint
from .test_providers import settings, site

VENDORS = sorted(PROVIDERS)


@asynccontextmanager
async def redirecting(location: str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that sends every request elsewhere, and the first lines it has read."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0])
        head = f"HTTP/1.1 308 Permanent Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close"
        writer.write(f"{head}\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_call_that_is_redirected_says_where_to(vendor: str) -> None:
    async with redirecting("https://me:pass@other.example/v1/chat?token=abc") as (address, seen):
        provider = PROVIDERS[vendor](endpoint(vendor, address))
        with pytest.raises(ModelBadRequest) as caught:
            await provider.model("test-c").generate(PROMPT)
        await provider.close()

    assert str(caught.value).endswith(
        f"redirects (HTTP 308) to https://other.example; set {vendor.upper()}_BASE_URL to an address there"
    )
    assert len(seen) == 1


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_redirect_is_found_before_a_batch(vendor: str) -> None:
    async with redirecting("/elsewhere/") as (address, seen):
        given = {f"{vendor}_base_url": address, f"{vendor}_api_key": SecretStr("sk-0")}
        async with Providers(settings(**given)) as providers:
            with pytest.raises(ModelBadRequest, match=f"redirects .* to {address}; set {vendor.upper()}_BASE_URL"):
                await providers.check(site(C=ModelChoice(provider=vendor)))

    assert len(seen) == 1


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_redirect_to_nowhere_is_still_an_error(vendor: str) -> None:
    async with redirecting("::::") as (address, seen):
        provider = PROVIDERS[vendor](endpoint(vendor, address))
        with pytest.raises(ModelBadRequest, match="HTTP 308"):
            await provider.model("test-c").generate(PROMPT)
        await provider.close()

    assert len(seen) == 1
