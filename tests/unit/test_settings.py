"""A setting that cannot be used is named by its variable, never with its value."""

from datetime import timedelta
from pathlib import Path

import pytest

from src.domain.errors import SettingsInvalid
from src.settings import OfflineSettings, Settings


@pytest.fixture(autouse=True)
def no_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LONGTAIL_MODEL_SLOTS", "s3cret"),
        ("LONGTAIL_MODEL_SLOTS", "0"),
        ("LONGTAIL_SLOWEST_RATE", "3.9"),
        ("LONGTAIL_SHUTDOWN_GRACE", "s3cret"),
        ("LONGTAIL_TIME_FACTOR", "0"),
        ("LONGTAIL_LOG_LEVEL", "s3cret"),
        ("LONGTAIL_LOG_JSON", "s3cret"),
        ("LONGTAIL_OFFLINE", "s3cret"),
        ("LONGTAIL_OFFLINE_FAILURE_RATE", "s3cret"),
        ("LONGTAIL_OFFLINE_LATENCY_SECONDS", "-1"),
        ("OPENAI_BASE_URL", "s3cret"),
        ("ANTHROPIC_BASE_URL", "s3cret"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_without_its_value(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalid) as refused:
        Settings.load()
    (problem,) = refused.value.problems
    assert problem.variable == variable
    assert problem.problem
    assert "s3cret" not in refused.value.message
    assert "s3cret" not in str(refused.value.__cause__)


@pytest.mark.parametrize("variable", ["LONGTAIL_SHUTDOWN_GRACE", "LONGTAIL_OUTAGE_PATIENCE"])
@pytest.mark.parametrize(
    ("value", "seconds"), [("8", 8), ("0", 0), ("1.5", 1.5), ("0:00:08", 8), ("00:04:10", 250), ("PT8S", 8)]
)
def test_a_duration_is_seconds_or_a_clock_or_iso(
    variable: str, value: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    field = variable.removeprefix("LONGTAIL_").lower()
    assert getattr(Settings.load(), field) == timedelta(seconds=seconds)


@pytest.mark.parametrize("variable", ["LONGTAIL_SHUTDOWN_GRACE", "LONGTAIL_OUTAGE_PATIENCE"])
@pytest.mark.parametrize(
    ("value", "words"),
    [("30s", "PT8S"), ("soon", "PT8S"), ("1:30", "PT8S"), ("nan", "PT8S"), ("1e99", "PT8S"), ("-5", "greater than")],
)
def test_what_is_no_duration_is_told_how_to_write_one(
    variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalid, match=f"{variable}.*{words}"):
        Settings.load()


@pytest.mark.parametrize(
    "variable",
    [
        "LONGTAIL_TIME_FACTOR",
        "LONGTAIL_SLOWEST_RATE",
        "LONGTAIL_OVERDUE_FACTOR",
        "LONGTAIL_OFFLINE_LATENCY_SECONDS",
        "LONGTAIL_OFFLINE_FAILURE_RATE",
    ],
)
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_numbers_are_finite(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalid, match=f"{variable}.*finite number"):
        Settings.load()


def test_a_variable_of_the_env_file_is_named_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LONGTAIL_MODEL_SLOTS=many\nOPENAI_BASE_URL=nowhere\n", encoding="utf-8")
    with pytest.raises(SettingsInvalid) as refused:
        Settings.load()
    assert {problem.variable for problem in refused.value.problems} == {"LONGTAIL_MODEL_SLOTS", "OPENAI_BASE_URL"}


def test_an_override_by_field_name_is_named_by_its_variable() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        Settings.load(openai_base_url="nowhere", offline={"latency_seconds": -1})
    assert {problem.variable for problem in refused.value.problems} == {
        "LONGTAIL_OFFLINE_LATENCY_SECONDS",
        "OPENAI_BASE_URL",
    }


def test_what_the_environment_names_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGTAIL_OFFLINE_LATENCY_SECONDS", "1.5")
    monkeypatch.setenv("LONGTAIL_FAIL_KEYWORDS", "one | two words|")
    monkeypatch.setenv("LONGTAIL_LOG_LEVEL", "debug")
    settings = Settings.load()
    assert settings.offline == OfflineSettings(latency_seconds=1.5)
    assert settings.fail_keywords == ("one", "two words")
    assert settings.log_level == "DEBUG"


def test_one_factor_scales_every_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGTAIL_TIME_FACTOR", "0.1")
    settings = Settings.load()
    assert settings.scaled(timedelta(seconds=10)) == timedelta(seconds=1)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder in which a container finds its secrets."""
    for variable in ("DATABASE_URL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setattr("src.settings.SECRETS", folder)
    return folder


def test_secrets_of_a_container_are_read_without_their_line_end(secrets: Path) -> None:
    (secrets / "database_url").write_text("postgresql://postgres/longtail\n")
    (secrets / "anthropic_api_key").write_text("key\n")
    (secrets / "openai_api_key").touch()  # nobody has one
    settings = Settings.load()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://postgres/longtail"
    assert settings.anthropic_api_key is not None
    assert settings.anthropic_api_key.get_secret_value() == "key"
    assert settings.openai_api_key is None


def test_a_variable_wins_over_a_secret(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "database_url").write_text("postgresql://secret/longtail")
    monkeypatch.setenv("DATABASE_URL", "postgresql://variable/longtail")
    settings = Settings.load()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://variable/longtail"


def test_a_secret_that_is_no_text_is_named_by_its_folder(secrets: Path) -> None:
    (secrets / "database_url").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsInvalid) as refused:
        Settings.load()
    assert refused.value.problems[0].variable == str(secrets)
