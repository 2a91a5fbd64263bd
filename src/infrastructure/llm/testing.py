"""A model for tests.

It returns the given answers in order and records the prompts.
"""

from collections.abc import Iterable

from src.agents.language_model import Completion, Prompt, StopReason
from src.domain.usage import Usage


class ScriptedModel:
    """Answers by script.

    A text stands for a complete answer, an error is raised.

    Attributes:
        prompts: every prompt so far.
    """

    def __init__(self, answers: Iterable[str | Completion | Exception]) -> None:
        self._answers = list(answers)
        self.prompts: list[Prompt] = []

    async def generate(self, prompt: Prompt) -> Completion:
        """Answer once; see LanguageModel. Fails when the script is over."""
        self.prompts.append(prompt)
        if len(self.prompts) > len(self._answers):
            raise AssertionError(f"call {len(self.prompts)} was not expected: {prompt.name}, {prompt.follow_up}")
        answer = self._answers[len(self.prompts) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Completion) else completion(answer)


def completion(text: str, stop_reason: StopReason = StopReason.COMPLETE) -> Completion:
    """Return an answer of the scripted model."""
    return Completion(
        text=text, stop_reason=stop_reason, model="scripted", usage=Usage(input_tokens=1, output_tokens=1)
    )
