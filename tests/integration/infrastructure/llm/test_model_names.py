"""Model names are checked before a batch: a name that nobody has is told with its stage and site."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from src.domain.errors import ModelBadRequest, ModelNotFound
from src.domain.site import ModelChoice
from src.infrastructure.llm import model_list
from src.infrastructure.llm.model_choice import Choice
from src.infrastructure.llm.providers import Providers, ResolvedModel

from .conftest import PROMPT, PROVIDERS
from .test_providers import settings, site

if TYPE_CHECKING:
    from .conftest import Script

VENDORS = sorted(PROVIDERS)


@dataclass
class ModelServer:
    """Lists models and answers for single ones, by status; None is silence."""

    listing: Any = None
    models: dict[str, int | None] = field(default_factory=dict)
    others: int | None = 404
    asked: list[str] = field(default_factory=list)
    address: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split()[1].decode().removeprefix("/v1")
        self.asked.append(path)
        is_list = path.partition("?")[0] == "/models"
        body = json.dumps(self.listing).encode() if is_list else b"{}"
        status = 200 if is_list else self.models.get(path.removeprefix("/models/"), self.others)
        if status is not None:
            head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}".encode()
            writer.write(head + b"\r\nconnection: close\r\n\r\n" + body)
        else:
            await reader.read()
        writer.close()


@asynccontextmanager
async def serving(server: ModelServer) -> AsyncIterator[ModelServer]:
    async with await asyncio.start_server(server.answer, "127.0.0.1", 0) as running:
        server.address = f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"
        yield server


def listing(*names: str, **more: Any) -> dict[str, Any]:
    return {"data": [{"id": name} for name in names], **more}


async def check(vendor: str, server: ModelServer, **models: str) -> None:
    """Check a site whose other stages are written by ``listed``."""
    names = dict.fromkeys("ABCD", "listed") | models
    choices = {stage: ModelChoice(provider=vendor, model=name) for stage, name in names.items()}
    path = "/v1" if vendor == "openai" else ""
    async with (
        serving(server),
        Providers(
            settings(**{f"{vendor}_base_url": server.address + path, f"{vendor}_api_key": SecretStr("k")})
        ) as all_,
    ):
        await all_.check(site(**choices))


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_name_that_neither_list_nor_path_knows_is_not_found(vendor: str) -> None:
    server = ModelServer(listing=listing("other", "listed"), models={"other": 200})
    with pytest.raises(ModelNotFound) as caught:
        await check(vendor, server, B="gone", C="gone")

    assert str(caught.value).startswith(
        f"stage B of site 'taps' is written by 'gone', a model that {vendor} does not have: {vendor} at http://127.0.0.1"
    )
    error = caught.value
    assert (error.provider, error.model, error.stage, error.site) == (vendor, "gone", "B", "taps")
    assert not error.retryable
    first = "/models?limit=1000" if vendor == "anthropic" else "/models"
    assert server.asked == [first, "/models/gone", "/models/other"]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
async def test_a_name_that_is_not_listed_may_be_an_alias(vendor: str, status: int) -> None:
    server = ModelServer(listing=listing("listed"), models={"listed": 200, "org%2Falias": status})
    await check(vendor, server, C="org/alias")

    assert server.asked[1:] == ["/models/org%2Falias"]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_server_without_a_path_for_one_model_is_accepted(vendor: str) -> None:
    server = ModelServer(listing=listing("listed"))
    await check(vendor, server, C="gone")

    assert server.asked[1:] == ["/models/gone", "/models/listed"]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    "other",
    [
        listing("first", has_more=True),
        listing(),
        {"data": None},
        {"data": [{"name": "no id"}]},
        ["listed"],
        "no list",
        None,
    ],
)
async def test_a_list_that_is_not_complete_decides_nothing(vendor: str, other: Any) -> None:
    server = ModelServer(listing=other)
    await check(vendor, server, C="gone")

    assert len(server.asked) == 1


@pytest.mark.parametrize("vendor", VENDORS)
async def test_listed_names_are_not_asked_for(vendor: str) -> None:
    server = ModelServer(listing=listing("listed", "strong", has_more=False))
    await check(vendor, server, C="strong")

    assert len(server.asked) == 1


async def test_a_server_that_is_silent_about_a_name_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_list, "_NAMES_SECONDS", 0.2)
    server = ModelServer(listing=listing("listed"), others=None)
    await check("openai", server, C="gone")

    assert server.asked[1:] == ["/models/gone"]


@pytest.mark.parametrize(
    ("vendor", "status", "error"),
    [
        ("openai", 404, {"code": "model_not_found", "type": "invalid_request_error", "message": "no"}),
        ("openai", 400, {"code": "model_not_found", "type": "invalid_request_error", "message": "no"}),
        ("openai", 404, {"code": None, "type": "api_error", "message": 'model "test-c" not found'}),
        ("anthropic", 404, {"type": "not_found_error", "message": "model: test-c"}),
        ("anthropic", 404, {"type": "model_not_found", "message": "no"}),
    ],
)
async def test_a_call_tells_that_its_model_is_gone(
    script: "Script", json_bytes: Any, vendor: str, status: int, error: dict[str, Any]
) -> None:
    scripted = script(vendor, json_bytes({"type": "error", "error": error}), status=status)
    resolved = ResolvedModel(choice=Choice(provider=vendor, model="test-c"), language_model=scripted.model, site="taps")
    with pytest.raises(
        ModelNotFound, match=f"stage C of site 'taps' is written by 'test-c', .* HTTP {status}"
    ) as caught:
        await resolved.generate(PROMPT)

    assert (caught.value.provider, caught.value.model, caught.value.stage) == (vendor, "test-c", "C")


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_wrong_path_is_not_taken_for_a_missing_model(script: "Script", json_bytes: Any, vendor: str) -> None:
    body = {"type": "error", "error": {"type": "not_found_error", "message": "Not Found: /v2/messages"}}
    with pytest.raises(ModelBadRequest):
        await script(vendor, json_bytes(body), status=404).ask()
