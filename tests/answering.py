"""Models on record as answering, so that a batch opens its whole window at once."""

from collections.abc import Mapping

from pydantic import HttpUrl, SecretStr

from src.domain.site import ModelChoice
from src.domain.stages import STAGES, Stage
from src.infrastructure.database.answering_models import StageModel
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.endpoint import endpoint_of
from src.settings import Settings


async def all_have_answered(
    database: Database, base_url: str, models: Mapping[Stage, ModelChoice] | None = None, *, key: str = "test"
) -> None:
    """Note that the models have answered every stage to this key; by default those of OpenAI's settings."""
    settings = Settings.model_construct(openai_base_url=HttpUrl(base_url), openai_api_key=SecretStr(key))
    account = endpoint_of(settings, "openai").account
    for stage in STAGES:
        default = settings.openai_strong_model if stage is Stage.ARTICLE else settings.openai_cheap_model
        model = (models[stage].model if models else None) or default
        async with database.unit_of_work() as uow:
            await uow.answering_models.add(StageModel(account, stage, model))
