"""Models on record as answering, so that a batch opens its whole window at once."""

from collections.abc import Mapping

from src.domain.site import ModelChoice
from src.domain.stages import STAGES, Stage
from src.infrastructure.database.answering_models import StageModel
from src.infrastructure.database.unit_of_work import Database
from src.settings import Settings


async def all_have_answered(
    database: Database, endpoint: str, models: Mapping[Stage, ModelChoice] | None = None
) -> None:
    """Note that the models have answered every stage at the endpoint; by default those of OpenAI's settings."""
    settings = Settings.model_construct()
    for stage in STAGES:
        default = settings.openai_strong_model if stage is Stage.ARTICLE else settings.openai_cheap_model
        model = (models[stage].model if models else None) or default
        async with database.unit_of_work() as uow:
            await uow.answering_models.add(StageModel(endpoint, stage, model))
