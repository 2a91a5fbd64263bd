"""Sites: audience, facts, links and models of their articles.

Field descriptions also appear in errors about missing fields.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    StringConstraints,
    field_validator,
    model_validator,
)

from .stages import Stage
from .text import visible
from .time_zone import TimeZoneName


def _one_line(text: str) -> str:
    """Return text of several lines as one line."""
    if line := visible(text):
        return line
    raise ValueError("it holds no visible character")


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=2, max_length=60)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_one_line)]
Whole = Annotated[int, Field(strict=True)]  # TOML has numbers: "900" and true are mistakes
_DURATION = re.compile(r"(\d{1,5})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SHORTEST_WAIT = timedelta(seconds=1)


def _duration(value: object) -> object:
    """Return ``24h`` or ``7d`` as a duration.

    ISO 8601 is left to pydantic.
    """
    if isinstance(value, int | float):
        raise ValueError('write a number with its unit in quotes, such as "24h" or "7d"')  # noqa: TRY004 - pydantic's
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
LANGUAGE_TAG = re.compile(r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?$")  # BCP 47: language, script, region
PROVIDERS = ("anthropic", "openai", "offline")


class Fact(BaseModel):
    """A statement about the site that articles may cite by id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Slug = Field(description="a short name of the fact, by which outlines cite it")
    text: Line = Field(description="the fact in one sentence, as an article may state it")


class Link(BaseModel):
    """An address that articles may link to, and what is found there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: HttpUrl = Field(description="the address, of the site itself or of another")
    title: Line = Field(description="what a reader finds there")


class Profile(BaseModel):
    """Facts about the site that every agent receives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    audience: Line = Field(description="who reads the articles, and what they know already")
    tone: Line = Field(default="friendly, precise, plain words", description="how the articles speak")
    publisher: Line | None = Field(
        default=None, description="the organisation in the structured data; the site's name when unset"
    )
    author: Line | None = Field(default=None, description="the person in the structured data; none when unset")
    word_target: Whole = Field(default=900, ge=300, le=5000, description="how many words an article should have")
    facts: tuple[Fact, ...] = Field(default=(), max_length=50, description="what articles may state of the site")
    links: tuple[Link, ...] = Field(default=(), max_length=50, description="the only addresses articles may link to")
    banned_terms: tuple[Line, ...] = Field(default=(), max_length=100, description="words no article may use")

    @model_validator(mode="after")
    def fact_ids_are_unique(self) -> Self:
        """Refuse two facts with one id: citations would be ambiguous."""
        ids = [fact.id for fact in self.facts]
        if doubled := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
            raise ValueError(f"fact ids appear twice: {', '.join(doubled)}")
        return self


class ModelChoice(BaseModel):
    """Model that writes a stage.

    The short form is a string: ``provider`` or ``provider:model``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = Field(pattern=f"^({'|'.join(PROVIDERS)})$", description="anthropic, openai or offline")
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        default=None, description="the provider's name of the model; its default for that stage when unset"
    )
    effort: str | None = Field(
        default=None, pattern="^(none|low|medium|high)$", description="how hard the model thinks: none to high"
    )
    max_output_tokens: Whole | None = Field(
        default=None, ge=256, le=128_000, description="the cap of one answer, thinking included"
    )

    @model_validator(mode="before")
    @classmethod
    def expand_the_short_form(cls, value: object) -> object:
        """Split at the first colon only.

        Names such as ``qwen3:8b`` hold one themselves.
        """
        if not isinstance(value, str):
            return value
        provider, colon, model = value.partition(":")
        return {"provider": provider.strip()} | ({"model": model.strip()} if colon else {})


class Budget(BaseModel):
    """Limits in US dollars; unset is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_day_usd: Decimal | None = Field(default=None, gt=0, description="what all model calls of one day may cost")
    per_month_usd: Decimal | None = Field(default=None, gt=0, description="what those of one month may cost")


class ReviewRules(BaseModel):
    """How the site's articles are reviewed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reminder: Duration = Field(
        default=timedelta(hours=24), ge=_SHORTEST_WAIT, description="after how long a review that waits is reminded of"
    )
    expiry: Duration = Field(
        default=timedelta(days=30), ge=_SHORTEST_WAIT, description="after how long it is parked; nothing is lost then"
    )
    self_approval: Annotated[bool, Field(strict=True)] = Field(
        default=True, description="whether somebody may approve a text that he edited"
    )
    approvals: Whole = Field(default=1, ge=1, le=2, description="how many people have to approve a text")

    @model_validator(mode="after")
    def the_reminder_comes_first(self) -> Self:
        """Refuse a reminder of what was parked before."""
        if self.reminder >= self.expiry:
            raise ValueError("the reminder has to come before the expiry")
        return self


class OnApproval(StrEnum):
    """What the last approval of a text does about publishing it."""

    WAIT = "wait"  # until somebody says so
    NOW = "now"  # it goes out as soon as that can no longer be undone
    CADENCE = "cadence"  # it goes out when the site's cadence has room


class PublishingRules(BaseModel):
    """How the site's articles go live."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on_approval: OnApproval = Field(
        default=OnApproval.WAIT,
        description="whether what is approved goes live by itself: wait, now, or cadence, which is per_day",
    )

    undo: Duration = Field(
        default=timedelta(seconds=30),
        ge=timedelta(0),
        le=timedelta(days=7),
        description="how long a publication waits, so that it can be undone",
    )
    per_day: Whole | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="how many new articles go live on a day, unless somebody says when",
    )
    start: str = Field(
        default="09:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="when they begin to on a day of the site's time zone, such as 09:00",
    )

    @model_validator(mode="after")
    def a_cadence_has_a_number(self) -> Self:
        """Refuse a cadence of which nobody says what it is."""
        if self.on_approval is OnApproval.CADENCE and self.per_day is None:
            raise ValueError('on_approval = "cadence" needs per_day: how many new articles go live on a day')
        return self


class Site(BaseModel):
    """One site, as its TOML file describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: Slug = Field(description="the site's short name in commands, ids and addresses; never changes")
    name: Line = Field(description="the site's name as its readers know it")
    base_url: HttpUrl = Field(description="the address below which articles will be published")
    language: str = Field(default="en", description="the language articles are written in, such as en-GB")
    time_zone: TimeZoneName = Field(default="UTC", description="where the site's day begins and its schedules count")
    articles_per_batch: Whole = Field(default=10, ge=1, le=10_000, description="how many longtails a batch claims")
    profile: Profile = Field(description="facts about the site for the agents")
    models: dict[Stage, ModelChoice] = Field(
        default_factory=dict, description="which model writes a stage; the installation's defaults when unset"
    )
    budget: Budget = Field(default=Budget(), description="what the site may spend on models")
    review: ReviewRules = Field(default=ReviewRules(), description="how the site's articles are reviewed")
    publishing: PublishingRules = Field(default=PublishingRules(), description="how the site's articles go live")

    @field_validator("base_url")
    @classmethod
    def base_url_is_a_plain_address(cls, value: HttpUrl) -> HttpUrl:
        """Refuse parts that a prefix of article addresses cannot have."""
        if value.username or value.password or value.query is not None or value.fragment is not None:
            raise ValueError("write the address without user name, password, ? and #")
        return value

    @field_validator("language")
    @classmethod
    def language_is_a_tag(cls, value: str) -> str:
        """Tags like ``en``, ``en-GB``, ``zh-Hant-TW``; browsers and search engines read them."""
        if not LANGUAGE_TAG.match(value):
            raise ValueError("it is no language tag; write for example en, en-GB or de")
        return value

    @field_validator("models", mode="before")
    @classmethod
    def stages_have_one_name(cls, value: object) -> object:
        """Stages go by letter or by name.

        ``C`` and ``article`` are the same.
        """
        if not isinstance(value, Mapping):
            return value
        letters = {stage.name.lower(): stage.value for stage in Stage} | {s.value.lower(): s.value for s in Stage}
        named = [letters.get(str(stage).lower(), stage) for stage in value]
        if doubled := sorted({str(stage) for stage in named if named.count(stage) > 1}):
            raise ValueError(f"stage {', '.join(doubled)} is named twice, by letter and by name")
        return dict(zip(named, value.values(), strict=True))

    def has_address_of(self, other: Self) -> bool:
        """Return whether the base_url is the same, but for case and slash."""
        return _address(self.base_url) == _address(other.base_url)

    def url_of(self, slug: str) -> str:
        """Return the address an article of this slug will have."""
        return f"{str(self.base_url).rstrip('/')}/{slug}"


def _address(url: HttpUrl) -> str:
    return str(url).rstrip("/").casefold()
