"""Sites written as files: read back, they are the same."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from src.domain.site import Budget, Fact, Link, ModelChoice, OnApproval, Profile, PublishingRules, ReviewRules, Site
from src.domain.stages import Stage
from src.intake.site_file import read
from src.intake.site_toml import duration, written
from tests.factories import a_site

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.toml"))


def with_everything() -> Site:
    site = a_site()
    hostile = 'He said: "a\\b" </textarea><script>x</script> 日本語 مرحبا'
    profile = Profile(
        audience=hostile,
        author="A # no comment = [x]",
        facts=(Fact(id="one", text=hostile), Fact(id="two", text="'''")),
        links=(Link(url="https://shop.example/a?b=1&c=%22", title='"""'),),
        banned_terms=("a, b", "]"),
    )
    return site.model_copy(
        update={
            "profile": profile,
            "models": {
                Stage.ARTICLE: ModelChoice(provider="openai", model="x:8b", effort="high", max_output_tokens=4000)
            },
            "budget": Budget(per_day_usd=Decimal("5.50")),
            "review": ReviewRules(reminder=timedelta(minutes=90), self_approval=False, approvals=2),
            "publishing": PublishingRules(on_approval=OnApproval.CADENCE, per_day=3, undo=timedelta(0)),
        }
    )


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_an_example_is_read_back_as_it_was(file: Path) -> None:
    site = read(file.read_bytes(), file=file.name)
    assert read(written(site).encode(), file="x") == site


def test_a_site_with_everything_is_read_back_as_it_was() -> None:
    site = with_everything()
    assert read(written(site).encode(), file="x") == site


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(hours=24), "1d"),
        (timedelta(minutes=90), "90m"),
        (timedelta(seconds=30), "30s"),
        (timedelta(0), "0s"),
        (timedelta(seconds=1.5), "PT1.5S"),
    ],
)
def test_durations_are_written_as_people_write_them(length: timedelta, text: str) -> None:
    assert duration(length) == text
