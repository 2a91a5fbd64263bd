"""A site: whom its articles speak to, what they may state and link, which model writes each stage."""

import re
from decimal import Decimal
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    StringConstraints,
    field_validator,
    model_validator,
)

from .stages import Stage

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=2, max_length=60)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
LANGUAGE_TAG = re.compile(r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")  # BCP 47: language, script, region


class Fact(BaseModel):
    """Something true of the site that an article may state, by id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Slug
    text: Line


class Link(BaseModel):
    """An address that articles may link to, and what is found there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: HttpUrl
    title: Line


class Profile(BaseModel):
    """What the agents are told about the site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    audience: Line
    tone: Line = "friendly, precise, plain words"
    publisher: Line | None = None  # organisation named in the structured data; the site's name when unset
    author: Line | None = None
    word_target: int = Field(default=900, ge=300, le=5000)
    facts: tuple[Fact, ...] = Field(default=(), max_length=50)
    links: tuple[Link, ...] = Field(default=(), max_length=50)
    banned_terms: tuple[Line, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def fact_ids_are_unique(self) -> Self:
        """Two facts under one id could not be told apart when cited."""
        ids = [fact.id for fact in self.facts]
        if doubled := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
            raise ValueError(f"fact ids appear twice: {', '.join(doubled)}")
        return self


class ModelChoice(BaseModel):
    """Which model writes a stage; ``model`` unset means the provider's default for that stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = Field(pattern="^(anthropic|openai|offline)$")
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    effort: str | None = Field(default=None, pattern="^(none|low|medium|high)$")
    max_output_tokens: int | None = Field(default=None, ge=256, le=128_000)


class Budget(BaseModel):
    """Limits in US dollars; unset is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_day_usd: Decimal | None = Field(default=None, gt=0)
    per_month_usd: Decimal | None = Field(default=None, gt=0)


class Site(BaseModel):
    """One site, as its TOML file describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: Slug
    name: Line
    base_url: HttpUrl
    language: str = "en"
    time_zone: str = "UTC"
    articles_per_batch: int = Field(default=10, ge=1, le=10_000)
    profile: Profile
    models: dict[Stage, ModelChoice] = Field(default_factory=dict)
    budget: Budget = Budget()

    @field_validator("language")
    @classmethod
    def language_is_a_tag(cls, value: str) -> str:
        """Tags like ``en``, ``en-GB``, ``zh-Hant-TW``; browsers and search engines read them."""
        if not LANGUAGE_TAG.match(value):
            raise ValueError(f"{value!r} is no language tag; write for example en, en-GB or de")
        return value

    @field_validator("time_zone")
    @classmethod
    def time_zone_exists(cls, value: str) -> str:
        """Names of the IANA database, so that daylight saving is known."""
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no IANA time zone; write for example Europe/Berlin") from error
        return value

    def url_of(self, slug: str) -> str:
        """The address an article of this slug will have."""
        return f"{str(self.base_url).rstrip('/')}/{slug}"
