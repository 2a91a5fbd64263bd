"""A model that plays back what it is given: for tests, and nowhere configurable."""

from collections.abc import Iterable

from src.agents.language_model import Completion, Prompt, StopReason
from src.domain.errors import ModelError
from src.domain.usage import Usage

MODEL = "scripted"


class ScriptedModel:
    """Answers in order: a text is a complete answer, a Completion is itself, a ModelError is raised.

    ``prompts`` holds what was asked. Asked more often than it has answers, it raises AssertionError.
    """

    def __init__(self, answers: Iterable[str | Completion | ModelError]) -> None:
        self._answers = list(answers)
        self.prompts: list[Prompt] = []

    async def generate(self, prompt: Prompt) -> Completion:
        """Play the next answer."""
        self.prompts.append(prompt)
        if not self._answers:
            raise AssertionError(f"asked once more than scripted: {prompt.name}, round {prompt.round}")
        answer = self._answers.pop(0)
        if isinstance(answer, ModelError):
            raise answer
        return completion(answer) if isinstance(answer, str) else answer


def completion(text: str, stop_reason: StopReason = StopReason.COMPLETE) -> Completion:
    """A complete answer that used ten tokens in and twenty out."""
    return Completion(
        text=text,
        stop_reason=stop_reason,
        model=MODEL,
        usage=Usage(input_tokens=10, output_tokens=20),
        request_id="req",
    )
