"""Site files: what is read from them, and what is said about each mistake."""

import random
from decimal import Decimal

import pytest

from src.domain.errors import FileInvalid
from src.domain.site import Fact, ModelChoice, OnApproval, Site
from src.domain.stages import Stage
from src.intake.site_file import read

GOOD = """\
slug = "shop"
name = "Shop"
base_url = "https://shop.example/guides"
language = "en-GB"
time_zone = "Europe/London"
articles_per_batch = 8

[profile]
audience = "people who mend things"
word_target = 700
banned_terms = ["guaranteed"]

[[profile.facts]]
id = "opening-hours"
text = "We are open on Sundays."

[[profile.facts]]
id = "returns"
text = "Returns are free."

[[profile.links]]
url = "https://shop.example/returns"
title = "Returns"

[models]
A = "openai"
article = "anthropic:claude-sonnet-5-5"

[models.D]
provider = "openai"
effort = "low"

[budget]
per_day_usd = 5.50
"""


def site_of(text: str) -> Site:
    return read(text.encode(), file="shop.toml")


def complaint_about(text: str) -> str:
    with pytest.raises(FileInvalid) as refused:
        site_of(text)
    return str(refused.value)


def test_every_field_of_a_site_file_arrives() -> None:
    site = site_of(GOOD)
    assert (site.slug, site.language, site.time_zone, site.articles_per_batch) == ("shop", "en-GB", "Europe/London", 8)
    assert site.url_of("fix-a-tap") == "https://shop.example/guides/fix-a-tap"
    assert site.profile.facts[1] == Fact(id="returns", text="Returns are free.")
    assert str(site.profile.links[0].url) == "https://shop.example/returns"
    assert site.budget.per_day_usd == Decimal("5.5")


def test_models_go_by_letter_or_name_and_have_a_short_form() -> None:
    assert site_of(GOOD).models == {
        Stage.KEYWORD_ANALYSIS: ModelChoice(provider="openai"),
        Stage.ARTICLE: ModelChoice(provider="anthropic", model="claude-sonnet-5-5"),
        Stage.SEO_METADATA: ModelChoice(provider="openai", effort="low"),
    }
    assert ModelChoice.model_validate("openai:qwen3:8b").model == "qwen3:8b"


def test_what_is_approved_waits_unless_the_file_says_otherwise() -> None:
    assert site_of(GOOD).publishing.on_approval is OnApproval.WAIT
    cadence = site_of(GOOD + "[publishing]\non_approval = 'cadence'\nper_day = 3\n")
    assert (cadence.publishing.on_approval, cadence.publishing.per_day) == (OnApproval.CADENCE, 3)


def test_a_site_survives_being_stored_as_json() -> None:
    site = site_of(GOOD)
    assert Site.model_validate(site.model_dump(mode="json")) == site
    assert Site.model_validate_json(site.model_dump_json()) == site


def test_text_over_several_lines_becomes_one_and_a_mark_at_the_beginning_is_no_text() -> None:
    text = '"""\nWe are open\n  on Sundays.\u200b"""'
    assert site_of("\ufeff" + GOOD.replace('"We are open on Sundays."', text)) == site_of(GOOD)


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('name = "Shop"\n', "", "shop.toml: name is missing: the site's name as its readers know it"),
        ('name = "Shop"', 'name = "  "', "shop.toml, line 2: name: '  ' cannot be used: it needs at least 1 character"),
        ('name = "Shop"', 'name = "\\u200b"', "line 2: name: '\\u200b' cannot be used: it holds no visible character"),
        ('name = "Shop"', 'name = "a\\u0000"', "line 2: name: 'a\\x00' cannot be used: it holds control characters"),
        ('name = "Shop"', "name = 5", "line 2: name: 5 cannot be used: write text in quotes"),
        ('slug = "shop"', 'slug = "My Shop"', "line 1: slug: 'My Shop' cannot be used: write lowercase letters"),
        (
            "https://shop.example/guides",
            "shop.example",
            "line 3: base_url: 'shop.example' cannot be used: write a whole",
        ),
        ("https://shop.example/guides", "ftp://a.example", "begin the address with https:// or http://"),
        ("https://shop.example/guides", "https://a.example?x=1", "write the address without user name"),
        ('"en-GB"', '"en-gb"', "line 4: language: 'en-gb' cannot be used: it is no language tag; write for example"),
        (
            '"Europe/London"',
            '"London"',
            "line 5: time_zone: 'London' cannot be used: it is no IANA time zone; write for",
        ),
        ('"Europe/London"', '"Europe"', "time_zone: 'Europe' cannot be used: it is no IANA time zone"),
        ("= 8", "= 0", "line 6: articles_per_batch: 0 cannot be used: it must be at least 1"),
        ("= 8", "= true", "articles_per_batch: True cannot be used: write a whole number, without quotes"),
        (
            "= 700",
            '= "700"',
            "line 10: profile.word_target: '700' cannot be used: write a whole number, without quotes",
        ),
        ("= 700", "= 9000", "profile.word_target: 9000 cannot be used: it must be at most 5000"),
        ('["guaranteed"]', '"guaranteed"', "line 11: profile.banned_terms: 'guaranteed' cannot be used: write a list"),
        ('["guaranteed"]', '["", "x"]', "line 11: profile.banned_terms[0]: '' cannot be used"),
        ("audience =", "audiance =", "profile.audiance is not known: did you mean audience?"),
        ('audience = "people who mend things"\n', "", "line 8: profile.audience is missing: who reads the articles"),
        (
            'id = "returns"',
            'id = "Returns!"',
            "line 18: profile.facts[1].id: 'Returns!' cannot be used: write lowercase",
        ),
        ('text = "Returns are free."\n', "", "line 17: profile.facts[1].text is missing: the fact in one sentence"),
        ('id = "returns"', 'id = "opening-hours"', "profile: cannot be used: fact ids appear twice: opening-hours"),
        (
            "[profile]",
            "[profile]\nlanguage = 'de'",
            "line 9: profile.language is not known: it belongs above the first",
        ),
        (
            "articles_per_batch",
            "word_target = 5\narticles_per_batch",
            "word_target is not known: it belongs below [profile]",
        ),
        ("articles_per_batch", "frobnicate = 5\narticles_per_batch", "frobnicate is not known: known are slug, name"),
        (
            'A = "openai"',
            'A = "claude"',
            "models.A.provider: 'claude' cannot be used: write anthropic, openai or offline",
        ),
        (
            "[budget]",
            "[publishing]\non_approval = 'yes'\n[budget]",
            "line 34: publishing.on_approval: 'yes' cannot be used: write 'wait', 'now' or 'cadence'",
        ),
        (
            "[budget]",
            "[publishing]\non_approval = 'cadence'\n[budget]",
            'line 33: publishing: cannot be used: on_approval = "cadence" needs per_day: how many new articles go live',
        ),
        ('A = "openai"', 'A = "openai:"', "models.A.model: '' cannot be used"),
        ('A = "openai"', "A = 5", "models.A: 5 cannot be used: write a provider, provider:model in quotes, or a table"),
        ('A = "openai"', 'E = "openai"', "models.E: 'E' cannot be used: stages are A (keyword_analysis), B (outline)"),
        ('A = "openai"', 'C = "openai"', "models: cannot be used: stage C is named twice, by letter and by name"),
        ('"low"', '"max"', "models.D.effort: 'max' cannot be used: write none, low, medium or high"),
        ("5.50", "nan", "budget.per_day_usd: nan cannot be used: write a number such as 5.50"),
        ("5.50", "-1", "budget.per_day_usd: -1 cannot be used: it must be more than 0"),
    ],
)
def test_a_mistake_is_named_with_its_line_value_and_remedy(before: str, after: str, complaint: str) -> None:
    assert before in GOOD
    assert complaint in complaint_about(GOOD.replace(before, after, 1))


def test_all_mistakes_are_told_at_once() -> None:
    told = complaint_about(GOOD.replace('name = "Shop"\n', "").replace("700", "7").replace("[budget]", "[budgets]"))
    assert told.splitlines() == [
        "shop.toml: 3 fields cannot be used:",
        "  name is missing: the site's name as its readers know it",
        "  line 9: profile.word_target: 7 cannot be used: it must be at least 300",
        "  line 32: budgets is not known: did you mean budget?",
    ]


def test_a_flood_of_mistakes_is_cut() -> None:
    told = complaint_about(GOOD.replace('["guaranteed"]', str([""] * 60)))
    assert "60 fields cannot be used" in told
    assert told.endswith("and 50 more")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "slug = shop\n",
            "shop.toml, line 1: this is not TOML: Invalid value at column 8; each line reads key = value",
        ),
        ('slug = "a"\nslug = "b"\n', "line 2: this is not TOML: Cannot overwrite a value"),
        ('slug = "a\n', "line 1: this is not TOML"),
        ('slug = """a\n', "line 2: this is not TOML"),
        ("x = " + "[" * 5000, "nested too deeply"),
        ("x = " + "9" * 5000, "this is not TOML"),
        ("", "slug is missing"),
        ("#" * 1_000_001, "1,000,001 bytes, a site file at most 1,000,000"),
    ],
)
def test_broken_toml_is_refused_with_its_line(text: str, complaint: str) -> None:
    assert complaint in complaint_about(text)


def test_a_file_that_is_not_utf_8_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        FileInvalid, match=r"shop\.toml, line 2: byte 10 of the line is 0xFC, which is not UTF-8; save it"
    ):
        read('slug = "a"\nname = "Gü"\n'.encode("cp1252"), file="shop.toml")


def test_reading_raises_nothing_else_whatever_the_file_holds() -> None:
    rng = random.Random(20261121)  # noqa: S311 - the same cases in every run
    pieces = [
        "=",
        "[",
        "]",
        '"',
        "\n",
        "[profile]",
        "{}",
        "{",
        "5",
        "true",
        "1979-05-27",
        "#",
        ".",
        "models",
        "A",
        "\x00",
        "é",
    ]
    for _ in range(2000):
        text = GOOD
        for _ in range(rng.randint(1, 4)):
            start = rng.randrange(len(text))
            text = text[:start] + rng.choice(pieces) + text[start + rng.choice([0, 1, 5, 20]) :]
        data = text.encode()
        if rng.random() < 0.1:
            data = data[: rng.randrange(len(data))] + rng.randbytes(2)
        try:
            read(data, file="shop.toml")
        except FileInvalid:
            continue
