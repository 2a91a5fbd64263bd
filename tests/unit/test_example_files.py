"""The files that people copy from: they load, and the comments in them are true."""

import re
from pathlib import Path

import pytest
from pydantic import AliasChoices

from src.domain.site import PublishingRules
from src.examples import content
from src.intake import keyword_list, site_file
from src.settings import OfflineSettings, Settings

ENV_EXAMPLE = Path(__file__).parents[2] / ".env.example"
TEMPORALS_OWN = re.compile("^TEMPORAL_")


@pytest.fixture
def documented(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Every variable of .env.example with its value, in a surrounding that sets none of them."""
    monkeypatch.chdir(tmp_path)
    found = dict(re.findall(r"^# ([A-Z][A-Z_]+)=(.*)$", ENV_EXAMPLE.read_text(), re.MULTILINE))
    for name in found:
        monkeypatch.delenv(name, raising=False)
    return found


@pytest.mark.parametrize("name", ["hardware-shop", "steuerberater"])
def test_an_example_site_loads_under_the_name_of_its_file(name: str) -> None:
    assert site_file.read(content(f"{name}.toml"), file=name).slug == name


@pytest.mark.parametrize("name", ["hardware-shop", "steuerberater"])
def test_the_publishing_rules_in_comments_are_the_defaults(name: str) -> None:
    before, table, rules = content(f"{name}.toml").decode().partition("# [publishing]\n")
    used = before + re.sub("^# ", "", table + rules, flags=re.MULTILINE)
    assert site_file.read(used.encode(), file=name).publishing == PublishingRules(per_day=3)


@pytest.mark.parametrize("name", ["hardware-shop-keywords.csv", "steuerberater-keywords.txt"])
def test_an_example_list_has_eight_longtails_and_no_flaw(name: str) -> None:
    found = keyword_list.read(content(name), file=name)
    assert (len(found.accepted), found.merged, found.rejected, found.ignored_columns) == (8, (), (), ())


def test_the_nasty_list_shows_merging_and_rejecting() -> None:
    found = keyword_list.read(content("nasty-keywords.csv"), file="nasty-keywords.csv")
    assert (len(found.accepted), len(found.merged), len(found.rejected)) == (7, 2, 9)
    assert found.ignored_columns == ("CPC",)


def test_every_setting_is_documented(documented: dict[str, str]) -> None:
    names = {
        str(field.validation_alias.choices[0])
        if isinstance(field.validation_alias, AliasChoices)
        else f"LONGTAIL_{name}".upper()
        for name, field in Settings.model_fields.items()
        if name != "offline"
    }
    names |= {f"LONGTAIL_OFFLINE_{name}".upper() for name in OfflineSettings.model_fields}
    assert {name for name in documented if not TEMPORALS_OWN.match(name)} == names


def test_each_documented_value_can_be_used(documented: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in documented.items()))
    settings = Settings.load()
    assert str(settings.openai_base_url) == documented["OPENAI_BASE_URL"]
    assert settings.fail_keywords == tuple(documented["LONGTAIL_FAIL_KEYWORDS"].split("|"))


def test_values_that_are_not_called_examples_are_the_defaults(documented: dict[str, str], tmp_path: Path) -> None:
    defaults = Settings.load()
    kept = {name: value for name, value in documented.items() if name.startswith("LONGTAIL_")}
    for example in (
        "LONGTAIL_HOME",
        "LONGTAIL_LOG_LEVEL",
        "LONGTAIL_LOG_JSON",
        "LONGTAIL_FAIL_KEYWORDS",
        "LONGTAIL_COMMIT",
        "LONGTAIL_API_CORS_ORIGINS",
        "LONGTAIL_PUBLISH_FOLDER",
        "LONGTAIL_MAX_CACHED_WORKFLOWS",
        "LONGTAIL_SLOWEST_RATE",
        "LONGTAIL_SHUTDOWN_GRACE",
        "LONGTAIL_METRICS_PORT",
        "LONGTAIL_PAYLOAD_KEYS",
    ):
        del kept[example]
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in kept.items()))
    assert Settings.load() == defaults
