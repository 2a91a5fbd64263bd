"""A simulated failure of one article."""

from collections.abc import Collection

from src.agents.language_model import Completion, LanguageModel, Prompt
from src.domain.errors import ModelBadRequest
from src.domain.longtail import phrase_key
from src.domain.stages import Stage


class FailingModel:
    """Simulates that stage C of the given keywords always fails."""

    def __init__(self, model: LanguageModel, keywords: Collection[str]) -> None:
        self._model = model
        self._keywords = {phrase_key(keyword) for keyword in keywords}

    async def generate(self, prompt: Prompt) -> Completion:
        """Answer once; see LanguageModel."""
        if prompt.stage is Stage.ARTICLE and phrase_key(str(prompt.data.get("keyword", ""))) in self._keywords:
            raise ModelBadRequest("simulated failure requested by LONGTAIL_FAIL_KEYWORDS")
        return await self._model.generate(prompt)
