"""Another namespace, search attributes that are missing, and payloads that nobody can read without a key."""

import base64
import secrets
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from pydantic import SecretStr
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from src.bootstrap import build_worker
from src.cli.errors import worded
from src.domain.article import ArticleStatus
from src.domain.colour import Colour
from src.domain.errors import EngineUnavailable, SearchAttributesMissing, SettingsInvalid
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from src.infrastructure.llm.providers import Providers
from src.infrastructure.temporal import client as temporal_client
from src.infrastructure.temporal import ids, search_attributes
from src.infrastructure.temporal.payload_codec import data_converter
from src.settings import Settings
from tests.applications import an_application
from tests.eventually import eventually
from tests.factories import PHRASES

from .conftest import Batches, reported

KEY = base64.b64encode(b"k" * 32).decode()
OTHER_KEY = base64.b64encode(b"o" * 32).decode()


@pytest.fixture
async def namespace(client: Client, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a namespace of the test's own, which the environment names."""
    name = f"room-{secrets.token_hex(4)}"
    retention = Duration()
    retention.FromTimedelta(timedelta(days=3))
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=retention)
    )
    monkeypatch.setenv("TEMPORAL_NAMESPACE", name)
    return name


async def _connected(server: TemporalServer, keys: str | None = None) -> Client:
    async def connect() -> Client | None:
        try:
            return await temporal_client.connect(server.address, keys=None if keys is None else SecretStr(keys))
        except EngineUnavailable:  # a new namespace takes the server a moment
            return None

    found = await eventually(connect)
    assert found is not None
    return found


async def test_a_batch_runs_in_another_namespace(
    namespace: str,
    temporal_server: TemporalServer,
    database: Database,
    settings: Settings,
    colour: Colour,
    client: Client,
) -> None:
    there = await _connected(temporal_server)
    assert there.namespace == namespace
    application = an_application(there, database, settings=settings)
    batches = Batches(there, database, colour)
    site = await batches.site(keywords=1)
    async with Providers(settings) as providers, build_worker(application, providers, colour=colour, strict=True):
        report = await reported(await batches.start(site))
    async with database.unit_of_work() as uow:
        (article,) = await uow.articles.list_all(site=site.slug)
    assert article.status is ArticleStatus.NEEDS_REVIEW, report
    assert (await there.get_workflow_handle(ids.article(article.id)).describe()).status is not None
    with pytest.raises(RPCError, match="not found"):
        await client.get_workflow_handle(ids.article(article.id)).describe()
    assert (await application.colours.describe_colour(colour)).workflows is not None


async def test_an_attribute_of_another_type_is_named(
    namespace: str, temporal_server: TemporalServer, client: Client
) -> None:
    async def add() -> bool:
        try:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(
                    namespace=namespace,
                    search_attributes={"Outcome": IndexedValueType.INDEXED_VALUE_TYPE_INT},
                )
            )
        except RPCError:  # the namespace is not known yet
            return False
        return True

    await eventually(add)

    async def is_refused() -> SearchAttributesMissing | None:
        try:
            await temporal_client.connect(temporal_server.address)
        except SearchAttributesMissing as error:
            return error
        except EngineUnavailable:
            return None
        return None

    refused = await eventually(is_refused)
    assert refused is not None
    assert (refused.key, refused.names) == (namespace, ("Outcome",))


async def test_the_command_is_named_where_we_may_not_add() -> None:
    class Operator:
        async def list_search_attributes(self, _: object) -> Any:
            return SimpleNamespace(custom_attributes={"Site": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD})

        async def add_search_attributes(self, _: object) -> None:
            raise RPCError("not yours", RPCStatusCode.PERMISSION_DENIED, b"")

    client: Any = SimpleNamespace(namespace="prod.a1", operator_service=Operator())
    with pytest.raises(SearchAttributesMissing) as refused:
        await search_attributes.register(client)
    told = worded(refused.value)
    assert "temporal operator search-attribute create --namespace prod.a1 --name Stage --type Keyword" in told
    assert "--name Site" not in told


async def test_encrypted_payloads_hold_no_text_and_commands_read_them(
    temporal_server: TemporalServer, database: Database, settings: Settings, colour: Colour, client: Client
) -> None:
    secret = await _connected(temporal_server, f"new:{KEY}|old:{OTHER_KEY}")
    failing = settings.model_copy(update={"fail_keywords": (PHRASES[0],)})
    application = an_application(secret, database, settings=failing)
    batches = Batches(secret, database, colour)
    site = await batches.site(keywords=3)
    async with Providers(failing) as providers, build_worker(application, providers, colour=colour, strict=True):
        handle = await batches.start(site)
        report = await reported(handle)
        assert (report.needs_review, report.failed) == (2, 1)
        async with database.unit_of_work() as uow:
            articles = await uow.articles.list_all(site=site.slug)
        names = [handle.id, *(ids.article(each.id) for each in articles)]
        histories = [await client.get_workflow_handle(name).fetch_history() for name in names]
        text = "".join(each.to_json() for each in histories)
        decoded = base64.b64encode(b"binary/encrypted").decode()
        assert decoded in text
        raw = b"".join(event.SerializeToString() for each in histories for event in each.events)
        for phrase in (*PHRASES[:3], "simulated", "searcher_goal"):
            assert phrase.encode() not in raw, phrase
        finished = next(each for each in articles if each.status is ArticleStatus.NEEDS_REVIEW)
        assert (await secret.get_workflow_handle(ids.article(finished.id)).result()) is not None


async def test_keys_are_replaced_one_after_another() -> None:
    old = data_converter(SecretStr(f"old:{OTHER_KEY}"))
    both = data_converter(SecretStr(f"new:{KEY}|old:{OTHER_KEY}"))
    new = data_converter(SecretStr(f"new:{KEY}"))
    assert (await old.encode(["tap"]))[0].data != (await old.encode(["tap"]))[0].data
    before, after = await old.encode(["tap"]), await both.encode(["tap"])
    plain = await data_converter(None).encode(["tap"])
    assert [await both.decode(each) for each in (before, after, plain)] == [["tap"]] * 3
    assert await new.decode(after) == ["tap"]
    with pytest.raises(SettingsInvalid, match="'old'"):
        await new.decode(before)
    wrong = data_converter(SecretStr(f"new:{OTHER_KEY}"))
    with pytest.raises(SettingsInvalid, match="not the one"):
        await wrong.decode(after)


@pytest.mark.parametrize("keys", ["", "x", "a:short", f":{KEY}", f"a:{KEY}|a:{KEY}", f"a:{KEY[:-4]}"])
def test_keys_that_cannot_be_used_are_named_without_their_text(keys: str) -> None:
    with pytest.raises(SettingsInvalid, match="LONGTAIL_PAYLOAD_KEYS") as refused:
        data_converter(SecretStr(keys))
    assert KEY[:-4] not in str(refused.value)
