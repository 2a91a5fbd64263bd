"""What the model server streams.

The offline writer's text for the prompt behind a request, composed once.
"""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from src.agents.answers import KeywordAnalysis, Outline, SeoMetadata
from src.agents.language_model import Prompt
from src.domain.stages import Stage
from src.infrastructure.llm.offline.writer import OfflineWriter
from src.settings import OfflineSettings

CHUNKS = 8  # content deltas an answer comes in; real ones come in hundreds, which costs every reader alike
_SCHEMAS: dict[str, tuple[Stage, type[BaseModel] | None]] = {
    "KeywordAnalysis": (Stage.KEYWORD_ANALYSIS, KeywordAnalysis),
    "Outline": (Stage.OUTLINE, Outline),
    "SeoMetadata": (Stage.SEO_METADATA, SeoMetadata),
    "": (Stage.ARTICLE, None),  # Markdown is asked for without a schema
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What to stream for one question."""

    stage: Stage
    keyword: str
    question: int
    events: list[bytes]


class Answers:
    """Composes every answer once.

    A measurement must not wait for the writer twice.
    """

    def __init__(self) -> None:
        self._writer = OfflineWriter(OfflineSettings.model_construct())
        self._composed: dict[bytes, Answer] = {}

    async def to(self, body: bytes) -> Answer:
        """Return the answer to this very request."""
        if body not in self._composed:
            self._composed[body] = await self._compose(body)
        return self._composed[body]

    async def _compose(self, body: bytes) -> Answer:
        request = json.loads(body)
        prompt = prompt_of(request)
        completion = await self._writer.generate(prompt)
        usage = {"prompt_tokens": len(body) // 4, "completion_tokens": len(completion.text) // 4 + 1}
        return Answer(
            stage=prompt.stage,
            keyword=prompt.data["keyword"],
            question=len(self._composed),
            events=events(request["model"], completion.text, usage),
        )


def prompt_of(request: dict[str, Any]) -> Prompt:
    """Rebuild the prompt that the adapter turned into ``request``."""
    wanted = request.get("response_format", {}).get("json_schema", {}).get("name", "")
    stage, schema = _SCHEMAS[wanted]
    system, user, *later = (message["content"] for message in request["messages"])
    block = user.rpartition("\n<data>")[2].removesuffix("</data>")
    return Prompt(
        stage=stage,
        name=f"{stage}@{request['model']}",
        system=system,
        data=json.loads(block),
        schema=schema,
        max_output_tokens=request.get("max_tokens") or request["max_completion_tokens"],
        previous=later[0] if len(later) == 2 else None,
        follow_up=later[-1] if later else None,
        round=1 if later else 0,
    )


def events(model: str, text: str, usage: dict[str, int]) -> list[bytes]:
    """Return a complete answer as OpenAI's server-sent events."""
    size = max(1, -(-len(text) // CHUNKS))
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    chunks: list[dict[str, Any]] = [{"choices": [_choice({"role": "assistant", "content": part})]} for part in parts]
    chunks.append({"choices": [_choice({}, "stop")]})
    chunks.append({"choices": [], "usage": usage | {"total_tokens": sum(usage.values())}})
    head = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1, "model": model}
    return [f"data: {json.dumps(head | chunk)}\n\n".encode() for chunk in chunks] + [b"data: [DONE]\n\n"]


def _choice(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}
