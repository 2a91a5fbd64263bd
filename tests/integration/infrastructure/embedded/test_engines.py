"""The environment decides which servers are used; nothing is started where it names one."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from src.bootstrap import database_url, normalised, temporal_server
from src.domain.errors import InputInvalid, SettingsInvalid
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
    assert normalised(given) == used


@pytest.mark.parametrize("url", ["mysql://u:secret@db/x", "postgresql+psycopg://u:secret@db/x", "u:secret", "", "://"])
def test_another_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        normalised(url)
    assert "secret" not in refused.value.message


def test_a_configured_database_is_not_started(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with database_url(Settings(home=home, database_url=SecretStr("postgres://u@db/x"))) as url:
        assert url == "postgresql+asyncpg://u@db/x"
    assert not home.exists()


def test_a_configured_temporal_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
    with temporal_server(Settings(home=tmp_path / "home")) as server:
        assert (server.address, server.pid, server.ui_url) == ("temporal.example:7233", None, None)
    assert not (tmp_path / "home").exists()


def test_the_address_of_a_profile_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none.toml").write_text(
        '[profile.default]\naddress = "one:7233"\n[profile.two]\naddress = "two:7233"\n'
    )
    with temporal_server(Settings(home=tmp_path / "home")) as server:
        assert server.address == "one:7233"
    monkeypatch.setenv("TEMPORAL_PROFILE", "two")
    with temporal_server(Settings(home=tmp_path / "home")) as server:
        assert server.address == "two:7233"


@pytest.mark.parametrize("text", ["not toml [", "[profile.other]\naddress = 'x'\n"])
def test_an_unusable_temporal_configuration_is_named(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none.toml").write_text(text)
    monkeypatch.setenv("TEMPORAL_PROFILE", "mine")
    with (
        pytest.raises(SettingsInvalid, match="Temporal's configuration"),
        temporal_server(Settings(home=tmp_path / "home")),
    ):
        pass


def test_where_nothing_is_configured_the_servers_of_this_machine_are_used(home: Path) -> None:
    settings = Settings(home=home, database_url=None)
    with database_url(settings) as url, temporal_server(settings, ui=False) as server:
        assert url.startswith("postgresql+asyncpg://postgres:")
        assert server.pid is not None
