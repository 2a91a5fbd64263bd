"""Describes what this process runs: its code, prompts, models and settings."""

import hashlib
from typing import Any

from pydantic import HttpUrl

from src.domain.running_code import RunningCode
from src.domain.stages import STAGES, Stage
from src.settings import Settings

_RULES = {
    Stage.KEYWORD_ANALYSIS: "keyword_analysis",
    Stage.OUTLINE: "outline",
    Stage.ARTICLE: "article",
    Stage.SEO_METADATA: "seo_metadata",
}
_REVISED = "changes"  # added to a stage's rules when a reviewer asks for changes
_HASH_DIGITS = 12
_SETTINGS = (
    "anthropic_base_url",
    "openai_base_url",
    "model_slots",
    "cached_workflows",
    "slowest_rate",
    "shutdown_grace",
    "outage_patience",
    "overdue_factor",
    "database_pool_size",
    "time_factor",
)


def describe_code(settings: Settings) -> RunningCode:
    """Return what this process runs; secrets are left out."""
    from src.infrastructure.database import schema  # noqa: PLC0415 - for workers and checks alone
    from src.infrastructure.temporal import generation  # noqa: PLC0415 - likewise
    from src.infrastructure.workers.code_version import code_version  # noqa: PLC0415 - likewise

    return RunningCode(
        version=code_version(settings.commit),
        generation=generation.GENERATION,
        migration=schema.newest_revision(),
        prompts={stage.value: _hash(name) for stage, name in _RULES.items()} | {_REVISED: _hash(_REVISED)},
        settings={"models": _models(settings), **{name: _plain(getattr(settings, name)) for name in _SETTINGS}},
    )


def _hash(agent: str) -> str:
    """Return the hash of an agent's rules, with their version before it."""
    from src.agents.instructions import instructions  # noqa: PLC0415 - see above

    rules = instructions(agent)
    return f"{rules.name}:{hashlib.sha256(rules.text.encode()).hexdigest()[:_HASH_DIGITS]}"


def _models(settings: Settings) -> dict[str, str]:
    """Return the model of each stage where a site names none."""
    from src.infrastructure.llm.model_choice import default_choice  # noqa: PLC0415 - see above

    chosen = {stage: default_choice(settings, stage) for stage in STAGES}
    return {stage.value: f"{choice.provider}/{choice.model}" for stage, choice in chosen.items()}


def _plain(value: object) -> Any:  # noqa: ANN401 - what JSON holds
    if isinstance(value, HttpUrl):
        return f"{value.scheme}://{value.host}"  # what else it holds may be a secret
    return value if value is None or isinstance(value, int | float | str) else str(value)
