"""Choice of provider, model and effort for each stage.

The site's choice, else the settings of this process.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from src.agents.language_model import OFFLINE_MODEL, Prompt
from src.domain.errors import ModelNotConfigured
from src.domain.site import ModelChoice, Site
from src.domain.stages import STAGES, Stage
from src.settings import Settings

OFFLINE = "offline"
VARIABLES = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    "openai": ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A stage's model, fully resolved.

    Attributes:
        effort: replaces the prompt's, when set.
        max_output_tokens: a ceiling over the prompt's cap, when set.
    """

    provider: str
    model: str
    effort: str | None = None
    max_output_tokens: int | None = None

    def shape(self, prompt: Prompt) -> Prompt:
        """Return the prompt as it is sent; shaping it twice changes nothing."""
        cap = min(prompt.max_output_tokens, self.max_output_tokens or prompt.max_output_tokens)
        return replace(prompt, effort=self.effort or prompt.effort, max_output_tokens=cap)


def choose(settings: Settings, site: Site, stage: Stage) -> Choice:
    """Resolve the model of ``stage``.

    Raises ModelNotConfigured when the site names a provider that is not set up here.
    """
    wanted = site.models.get(stage) or ModelChoice(provider=_default_provider(settings))
    if not is_configured(settings, wanted.provider):
        key, url = VARIABLES[wanted.provider]
        raise ModelNotConfigured(
            f"stage {stage.value} of site {site.slug!r} is written by {wanted.provider}, which has no key here: "
            f"set {key} (or {url} for a compatible server), or choose another provider for this stage",
            provider=wanted.provider,
            variables=(key, url),
            stage=stage.value,
            site=site.slug,
        )
    return Choice(
        provider=wanted.provider,
        model=wanted.model or _default_model(settings, wanted.provider, stage),
        effort=wanted.effort,
        max_output_tokens=wanted.max_output_tokens,
    )


def default_choice(settings: Settings, stage: Stage) -> Choice:
    """Return the model of ``stage`` for sites that name none."""
    provider = _default_provider(settings)
    return Choice(provider=provider, model=_default_model(settings, provider, stage))


def list_names(settings: Settings, site: Site) -> set[str]:
    """Return the names of the site's models.

    Of a provider that is not set up here those that the site names.
    """
    names = {wanted.model for wanted in site.models.values() if wanted.model}
    for stage in STAGES:
        with suppress(ModelNotConfigured):
            names.add(choose(settings, site, stage).model)
    return names


def _default_provider(settings: Settings) -> str:
    return next((provider for provider in VARIABLES if is_configured(settings, provider)), OFFLINE)


def is_configured(settings: Settings, provider: str) -> bool:
    """Return whether this process reaches the provider."""
    match provider:
        case "anthropic":
            return bool(settings.anthropic_api_key or settings.anthropic_base_url)
        case "openai":
            return bool(settings.openai_api_key or settings.openai_base_url)
        case _:
            return True


def _default_model(settings: Settings, provider: str, stage: Stage) -> str:
    strong = stage is Stage.ARTICLE
    match provider:
        case "anthropic":
            return settings.anthropic_strong_model if strong else settings.anthropic_cheap_model
        case "openai":
            return settings.openai_strong_model if strong else settings.openai_cheap_model
        case _:
            return OFFLINE_MODEL
