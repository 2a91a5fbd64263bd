"""Settings: the environment, ``.env`` and a container's secrets, read once and frozen.

No other module reads the environment, but for Temporal's own variables, which ``temporalio.envconfig`` reads, and
OpenTelemetry's.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import AliasChoices, BeforeValidator, Field, HttpUrl, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from src.domain.errors import SettingProblem, SettingsInvalid


def _in_seconds(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over what it read
    """Return a plain number as so many seconds; leave anything else."""
    try:
        return timedelta(seconds=float(value)) if isinstance(value, str) else value
    except (ValueError, OverflowError):  # not a number, or nan, or more than a duration holds
        return value


Names = Annotated[tuple[str, ...], NoDecode]
Duration = Annotated[timedelta, BeforeValidator(_in_seconds)]
_NO_DURATION = "write seconds (8), h:mm:ss (0:00:08) or ISO 8601 (PT8S)"
_CACHED_A_SLOT = 4  # the article that uses the slot, those that wait for one, and their parents
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
SECRETS = Path("/run/secrets")
"""Where containers find their secrets: files named like variables, such as ``database_url``."""


class OfflineSettings(BaseSettings):
    """Settings of the offline writer, which is not AI."""

    model_config = SettingsConfigDict(
        env_prefix="LONGTAIL_OFFLINE_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,  # no limit holds nan, which is neither above nor below it
    )

    latency_seconds: float = Field(default=0.0, ge=0, le=600, description="How long one answer takes.")
    failure_rate: float = Field(default=0.0, ge=0, le=1, description="Share of calls that fail as a provider would.")
    invalid_rate: float = Field(default=0.0, ge=0, le=1, description="Share of answers that break a rule.")


class Settings(BaseSettings):
    """Settings of one process.

    Variables that have a standard name keep it (``DATABASE_URL``, ``ANTHROPIC_API_KEY``); ours begin with
    ``LONGTAIL_``.
    """

    model_config = SettingsConfigDict(
        env_prefix="LONGTAIL_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,  # values may be secrets
        allow_inf_nan=False,
    )

    payload_keys: SecretStr | None = Field(
        default=None, description="Encrypt what Temporal keeps: ID:KEY, parted by |; the first one encrypts."
    )

    home: Path = Field(default_factory=lambda: user_data_path("longtail"), description="All local state is in here.")

    publish_folder: Path | None = Field(
        default=None, description="Pages go into a folder for each site in here; unset: published, in home."
    )

    database_url: SecretStr | None = Field(default=None, validation_alias=AliasChoices("DATABASE_URL", "database_url"))
    database_pool_size: int = Field(default=16, ge=1, le=200)

    anthropic_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("ANTHROPIC_API_KEY", "anthropic_api_key")
    )
    anthropic_base_url: HttpUrl | None = Field(
        default=None, validation_alias=AliasChoices("ANTHROPIC_BASE_URL", "anthropic_base_url")
    )
    anthropic_cheap_model: str = "claude-haiku-5-5"
    anthropic_strong_model: str = "claude-sonnet-5-5"

    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key")
    )
    openai_base_url: HttpUrl | None = Field(
        default=None, validation_alias=AliasChoices("OPENAI_BASE_URL", "openai_base_url")
    )
    openai_cheap_model: str = "gpt-6-luna"
    openai_strong_model: str = "gpt-6.1-terra"

    offline: Annotated[OfflineSettings, NoDecode] = Field(default_factory=OfflineSettings)
    fail_keywords: Names = Field(
        default=(),
        description="Simulation: stage C of these keywords fails permanently.",
    )

    model_slots: int = Field(default=32, ge=1, le=1000, description="Model calls that one worker has open at once.")
    max_cached_workflows: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Workflows that one worker keeps in memory; unset: four times its model slots. Reviews need none.",
    )
    slowest_rate: float | None = Field(
        default=None,
        ge=4,  # a stage's activity has time for no slower one
        le=10_000,
        description="Tokens per second that a model writes at least; a call's time limit follows from it.",
    )
    shutdown_grace: Duration | None = Field(
        default=None, ge=timedelta(0), description="How long SIGTERM waits for calls; unset: as long as one may take."
    )

    outage_patience: Duration = Field(
        default=timedelta(hours=6),
        ge=timedelta(0),
        description="How long a stage waits for a provider that limits it or is out of order.",
    )
    overdue_factor: float = Field(
        default=5.0,
        ge=1,
        le=1000,
        description="How many times the site's median duration a batch may run, and an hour at least, before an alert.",
    )
    api_cors_origins: Names = Field(
        default=(), description="Origins whose pages may call the API, parted by |; none by default."
    )
    api_shutdown_delay: Duration = Field(
        default=timedelta(0),
        ge=timedelta(0),
        le=timedelta(minutes=5),
        description="How long the API serves after SIGTERM while /health/serving says 503, so that proxies notice.",
    )
    commit: str | None = Field(
        default=None, description="The code's commit; unset: git's, where it runs in a checkout."
    )

    time_factor: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="Multiplies this process's limits and intervals; below 1 for tests. See ``scaled``.",
    )

    log_level: LogLevel | None = Field(default=None, description="Unset: INFO for workers, WARNING for commands.")
    log_json: bool | None = Field(default=None, description="JSON lines; unset: only where no terminal is.")

    metrics_port: int | None = Field(
        default=None, ge=0, le=65535, description="Where workers and the API serve /metrics; 0: any free port."
    )
    metrics_host: str = Field(default="127.0.0.1", min_length=1, description="The address that /metrics is served at.")
    trace_prompts: bool = Field(default=False, description="Model calls in traces hold prompts and answers.")

    @field_validator("fail_keywords", "api_cors_origins", mode="before")
    @classmethod
    def split_names(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands over what it read
        """Split at ``|``, which neither a keyword nor an origin contains."""
        return tuple(part.strip() for part in value.split("|") if part.strip()) if isinstance(value, str) else value

    @field_validator("database_url", "anthropic_api_key", "openai_api_key", mode="before")
    @classmethod
    def unset_when_empty(cls, value: Any) -> Any:  # noqa: ANN401
        """Return None for the empty file of a secret that nobody has."""
        return None if value == "" else value

    @field_validator("log_level", mode="before")
    @classmethod
    def in_capitals(cls, value: Any) -> Any:  # noqa: ANN401
        """Return a level in capitals; people write it either way."""
        return value.upper() if isinstance(value, str) else value

    @property
    def cached_workflows(self) -> int:
        """Return how many workflows a worker keeps in memory.

        An article and its parents in work are; a review that waits for days costs a replay when it is touched.
        """
        return self.max_cached_workflows or _CACHED_A_SLOT * self.model_slots

    def scaled(self, limit: timedelta) -> timedelta:
        """Return ``limit`` times the time factor.

        Scaled: the grace at shutdown, the wait before another worker takes a cached workflow, the watchdog's interval
        and patience, the grace of a slot, the shortest time after which a batch is overdue, the pause before a
        supervised worker is restarted. Not scaled: timeouts and retries of activities (workflow code reads no settings,
        and tests check the real ones), limits of model calls (they lie below those of the activities), and starts of
        servers (they depend on the machine).
        """
        return limit * self.time_factor

    @classmethod
    def load(cls, **overrides: Any) -> "Settings":  # noqa: ANN401 - any field may be overridden
        """Read the environment and the secrets of a container.

        ``overrides``, by field name, go on top.

        Raises SettingsInvalid naming each variable that cannot be used.
        """
        secrets = SECRETS if SECRETS.is_dir() else None
        try:
            return cls(_secrets_dir=secrets, **overrides)
        except ValidationError as error:
            raise SettingsInvalid(*_problems(error)) from error
        except SettingsError as error:  # a secret's file cannot be read
            raise SettingsInvalid(SettingProblem(str(SECRETS), str(error.__cause__ or error))) from error


def _problems(error: ValidationError) -> list[SettingProblem]:
    """Return the problems by variable, without values.

    A value may be a secret.
    """
    failed = OfflineSettings if error.title == OfflineSettings.__name__ else Settings  # it is filled by a factory
    found = error.errors(include_input=False, include_context=False, include_url=False)
    return [SettingProblem(_variable(failed, problem["loc"]), _in_words(problem)) for problem in found]


def _in_words(problem: ErrorDetails) -> str:
    return _NO_DURATION if problem["type"].startswith("time_delta") else problem["msg"]


def _variable(settings: type[BaseSettings], location: tuple[int | str, ...]) -> str:
    """Return the environment variable of the field at ``location``."""
    name, *inner = location
    if name == "offline" and inner:
        return _variable(OfflineSettings, tuple(inner))
    field = settings.model_fields.get(str(name))
    if field is None:
        return str(name)  # an alias, which is the variable
    if isinstance(field.validation_alias, AliasChoices):
        return str(field.validation_alias.choices[0])
    return f"{settings.model_config.get('env_prefix', '')}{name}".upper()
