"""The offline writer: no key, no network, no AI.

It is for first runs, demonstrations and tests, and is labelled as not AI.

The same prompt gets the same answer. Its text speaks about how to go about things, never about the subject, so it
invents nothing. It is written in English or German; other sites get English, labelled like all of it.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

from src.agents.language_model import OFFLINE_MODEL, Completion, Prompt, StopReason
from src.domain.errors import (
    ModelError,
    ModelOverloaded,
    ModelRateLimited,
    ModelResponseMalformed,
    ModelStreamTruncated,
    ModelTimedOut,
    ModelUnavailable,
    ModelUnreachable,
)
from src.domain.stages import Stage
from src.domain.usage import Usage
from src.settings import OfflineSettings

from . import plan as offline_plan
from .article import article, missing_headings

_FAILURES: tuple[type[ModelError], ...] = (
    ModelRateLimited,
    ModelOverloaded,
    ModelUnavailable,
    ModelUnreachable,
    ModelTimedOut,
    ModelStreamTruncated,
    ModelResponseMalformed,
)


class OfflineWriter:
    """A LanguageModel made of templates.

    The settings make it slow, flaky or sloppy, always in the same places.
    """

    def __init__(self, settings: OfflineSettings) -> None:
        self._settings = settings
        self._failed: Counter[str] = Counter()  # prompts that failed and were not answered since

    async def generate(self, prompt: Prompt) -> Completion:
        """Answer once; see LanguageModel.

        What an answer holds is decided before the time for it has passed.
        """
        if self._settings.latency_seconds:
            await asyncio.sleep(self._settings.latency_seconds)
        self._fail_sometimes(prompt)
        invalid = prompt.round == 0 and _drawn(prompt, "invalid", self._settings.invalid_rate)
        return Completion(
            text=_answer(prompt, invalid=invalid),
            stop_reason=StopReason.COMPLETE,
            model=OFFLINE_MODEL,
            usage=Usage(),
            request_id=f"offline-{prompt.hash[:16]}",
        )

    def _fail_sometimes(self, prompt: Prompt) -> None:
        if not self._settings.failure_rate:
            return
        attempt = f"failure {self._failed[prompt.hash]}"
        if _drawn(prompt, attempt, self._settings.failure_rate):
            self._failed[prompt.hash] += 1
            kind = _random(prompt, f"{attempt} kind").choice(_FAILURES)
            raise kind("simulated by LONGTAIL_OFFLINE_FAILURE_RATE", model=OFFLINE_MODEL)
        self._failed.pop(prompt.hash, None)


def _random(prompt: Prompt, purpose: str) -> Random:
    return Random(f"{prompt.hash}\n{purpose}")  # noqa: S311 - for repeatable errors, not for secrets


def _drawn(prompt: Prompt, purpose: str, rate: float) -> bool:
    return rate > 0 and _random(prompt, purpose).random() < rate


def _answer(prompt: Prompt, *, invalid: bool) -> str:
    match prompt.stage:
        case Stage.KEYWORD_ANALYSIS:
            return _json(offline_plan.keyword_analysis(prompt.data), {"questions": []} if invalid else {})
        case Stage.OUTLINE:
            return _json(offline_plan.outline(prompt.data), {"sections": []} if invalid else {})
        case Stage.ARTICLE:
            text = article(prompt.data, only=missing_headings(prompt.follow_up) or _only(prompt))
            return f"{text}\n\n[insert a closing line here]" if invalid else text
        case Stage.SEO_METADATA:
            return _json(offline_plan.seo_metadata(prompt.data), {"title": "Too short"} if invalid else {})


def _only(prompt: Prompt) -> list[str] | None:
    """Return the heading of the one section that a reviewer wants."""
    only = prompt.data.get("review", {}).get("only")
    return [only] if only else None


def _json(answer: Mapping[str, Any], invalid: Mapping[str, Any]) -> str:
    return json.dumps({**answer, **invalid}, ensure_ascii=False)
