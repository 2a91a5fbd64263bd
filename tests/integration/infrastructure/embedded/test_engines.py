"""The environment decides which servers are used; nothing is started where it names one."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from src.bootstrap import open_application, open_database, open_servers
from src.domain.colour import BLUE
from src.domain.errors import InputInvalid, SettingsInvalid
from src.domain.principal import Principal
from src.infrastructure.database.engine import normalise_url
from src.infrastructure.embedded import process
from src.settings import Settings


@pytest.fixture(autouse=True)
def no_temporal_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "none.toml"))
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u:p%40ss@db:5433/x", "postgresql+asyncpg://u:p%40ss@db:5433/x"),
        ("postgresql://db/x", "postgresql+asyncpg://db/x"),
        ("postgresql+asyncpg://db/x?ssl=require", "postgresql+asyncpg://db/x?ssl=require"),
        ("postgresql://db/x?sslmode=require&channel_binding=require", "postgresql+asyncpg://db/x?ssl=require"),
    ],
)
def test_every_spelling_of_a_postgresql_url_is_understood(given: str, used: str) -> None:
    assert normalise_url(given) == used


@pytest.mark.parametrize("url", ["mysql://u:secret@db/x", "postgresql+psycopg://u:secret@db/x", "u:secret", "", "://"])
def test_another_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        normalise_url(url)
    assert "secret" not in refused.value.message


ELSEWHERE = SecretStr("postgres://u@db/x")


def test_a_configured_database_is_not_started(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_servers(Settings(home=home, database_url=ELSEWHERE), with_temporal=False) as servers:
        assert servers.database_url == "postgresql+asyncpg://u@db/x"
        assert not servers.is_database_local
        assert servers.temporal is None
    assert not home.exists()


def test_a_configured_temporal_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
    assert address(tmp_path / "home") == "temporal.example:7233"
    assert not (tmp_path / "home").exists()


def test_the_address_of_a_profile_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none.toml").write_text(
        '[profile.default]\naddress = "one:7233"\n[profile.two]\naddress = "two:7233"\n'
    )
    assert address(tmp_path / "home") == "one:7233"
    monkeypatch.setenv("TEMPORAL_PROFILE", "two")
    assert address(tmp_path / "home") == "two:7233"


@pytest.mark.parametrize("text", ["not toml [", "[profile.other]\naddress = 'x'\n"])
def test_an_unusable_temporal_configuration_is_named(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none.toml").write_text(text)
    monkeypatch.setenv("TEMPORAL_PROFILE", "mine")
    with pytest.raises(SettingsInvalid, match="Temporal's configuration"):
        address(tmp_path / "home")


async def test_where_nothing_is_configured_the_servers_of_this_machine_are_used(home: Path) -> None:
    settings = Settings(home=home, database_url=None)
    with open_servers(settings, ui=False) as servers:
        assert servers.database_url.startswith("postgresql+asyncpg://postgres:")
        assert servers.temporal is not None
        assert servers.temporal.pid is not None
        async with open_application(settings, servers, principal=Principal.owner("tester")) as application:
            assert application.is_local
            assert application.temporal_ui_url is None
            assert not await application.workflows.has_workers(BLUE)
            assert await application.schedules.list_all() == []  # it was migrated


async def test_without_servers_they_are_started_in_a_thread_and_stopped_at_the_end(home: Path) -> None:
    settings = Settings(home=home, database_url=None)
    async with open_database(settings) as database, database.unit_of_work() as uow:
        assert await uow.sites.list_all() == []
    assert not any(f" {home}/" in found.command for found in process.everything())


async def test_a_start_that_is_interrupted_is_undone(home: Path) -> None:
    async def use() -> None:
        async with open_database(Settings(home=home, database_url=None)):
            raise AssertionError("it was interrupted")

    task = asyncio.create_task(use())
    await asyncio.sleep(0)  # it is starting
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not any(f" {home}/" in found.command for found in process.everything())


def address(home: Path) -> str:
    """Return where Temporal is, by settings that name a database elsewhere."""
    with open_servers(Settings(home=home, database_url=ELSEWHERE)) as servers:
        assert servers.temporal is not None
        assert (servers.temporal.pid, servers.temporal.ui_url) == (None, None)
        return servers.temporal.address
