"""All models a worker can use.

One client a provider, opened at first use, closed with the worker.

The SDKs take a second or more to import, so their modules are imported with the first client.
"""

from collections.abc import Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import structlog

from src.agents.language_model import Completion, LanguageModel, Prompt
from src.domain.errors import ModelNotFound
from src.domain.site import Site
from src.domain.stages import STAGES, Stage
from src.infrastructure.database.answering_models import StageModel
from src.settings import Settings

from .model_choice import OFFLINE, Choice, choose
from .simulation import FailingModel

log = structlog.get_logger()


class Provider(Protocol):
    """A vendor's client, or the offline writer in its place."""

    @property
    def address(self) -> str | None:
        """Return the address that limits count for, None in this process."""
        ...

    @property
    def account(self) -> str | None:
        """Return address and mark of the key, None in this process."""
        ...

    def model(self, name: str) -> LanguageModel:
        """Return the model of this name."""
        ...

    async def check(self, names: Collection[str]) -> None:
        """Raise ModelError when key, provider or a model does not work."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, kw_only=True)
class ResolvedModel:
    """The model of a stage: its choice and its client.

    Attributes:
        endpoint: the provider's address; None in this process, where nothing is limited.
        account: the same with a mark of the key, for which a model that answered is known.
    """

    choice: Choice
    language_model: LanguageModel
    endpoint: str | None = None
    account: str | None = None
    site: str | None = None

    @property
    def provider(self) -> str:
        """Return the provider's name."""
        return self.choice.provider

    @property
    def model(self) -> str:
        """Return the name asked for; a response may name a dated one."""
        return self.choice.model

    def shape(self, prompt: Prompt) -> Prompt:
        """Return the prompt as it is sent and hashed."""
        return self.choice.shape(prompt)

    async def generate(self, prompt: Prompt) -> Completion:
        """Answer once; see LanguageModel."""
        try:
            return await self.language_model.generate(self.shape(prompt))
        except ModelNotFound as error:
            raise error.asked_by(prompt.stage.value, site=self.site, provider=self.provider, model=self.model) from None


class Providers:
    """The clients of one worker; build it inside the running loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[str, Provider] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def choice(self, site: Site, stage: Stage) -> Choice:
        """Resolve the model of ``stage``.

        Raises ModelNotConfigured when the site names a provider that is not set up here.
        """
        return choose(self._settings, site, stage)

    def model_for(self, site: Site, stage: Stage) -> ResolvedModel:
        """Return the model that writes ``stage``; raises as ``choice`` does."""
        choice = self.choice(site, stage)
        provider = self._provider(choice.provider)
        model = provider.model(choice.model)
        if self._settings.fail_keywords:
            model = FailingModel(model, self._settings.fail_keywords)
        return ResolvedModel(
            choice=choice,
            language_model=model,
            endpoint=provider.address,
            account=provider.account,
            site=site.slug,
        )

    def list_models(self, site: Site) -> list[StageModel]:
        """Return the models of the site's stages.

        Those in this process are left out. Raises as ``choice`` does.
        """
        resolved = ((stage, self.model_for(site, stage)) for stage in STAGES)
        return [StageModel(found.account, stage, found.model) for stage, found in resolved if found.account is not None]

    async def check(self, site: Site) -> None:
        """Check that every provider takes its key and has its models.

        Raises ModelNotConfigured, ModelNotFound, or the provider's failure as a ModelError.
        """
        stages: dict[str, dict[str, Stage]] = {}
        for stage in STAGES:
            choice = self.choice(site, stage)
            stages.setdefault(choice.provider, {}).setdefault(choice.model, stage)
        for provider, by_model in stages.items():
            try:
                await self._provider(provider).check(by_model)
            except ModelNotFound as error:
                model = error.model or ""
                raise error.asked_by(by_model[model].value, site=site.slug, provider=provider, model=model) from None

    async def close(self) -> None:
        """Close every connection."""
        while self._open:
            _, provider = self._open.popitem()
            await provider.close()

    def _provider(self, name: str) -> Provider:
        if name not in self._open:
            self._open[name] = self._connect(name)
        return self._open[name]

    def _connect(self, name: str) -> Provider:
        if name == OFFLINE:
            from .offline.writer import OfflineWriter  # noqa: PLC0415 - see above

            return InProcess(OfflineWriter(self._settings.offline))
        from .endpoint import endpoint_of  # noqa: PLC0415

        endpoint = endpoint_of(self._settings, name)
        log.info("model_endpoint_opened", provider=name, base_url=endpoint.address, key=endpoint.has_key)
        if name == "anthropic":
            from .anthropic import AnthropicProvider  # noqa: PLC0415

            return AnthropicProvider(endpoint)
        from .openai import OpenAIProvider  # noqa: PLC0415

        return OpenAIProvider(endpoint)


class InProcess:
    """A provider inside this process.

    Nothing to check or close.
    """

    address: None = None
    account: None = None

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def model(self, name: str) -> LanguageModel:  # noqa: ARG002 - it has one only
        """Return the one model."""
        return self._model

    async def check(self, names: Collection[str]) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""
