"""The floor: the same articles by one asyncio program.

It uses the same agents and adapter, and stores nothing.

``python -m bench.floor`` writes them once to warm up, so that imports and the model server's composing do not count,
then once more against the clock, and prints its Floor as JSON.
"""

import argparse
import asyncio
import logging
import os
import time
from datetime import UTC, datetime

import structlog
from pydantic import BaseModel, ConfigDict, HttpUrl, SecretStr

from src.agents import article, keyword_analysis, outline, seo_metadata
from src.agents.language_model import Completion, LanguageModel, Prompt
from src.domain.site import Site
from src.domain.stages import Stage
from src.infrastructure.llm.providers import Providers
from src.rendering import page
from src.rendering.content import content_of
from src.settings import Settings

from . import model_server, processes, workload

OPENING_WORDS = 150  # as the workflow hands to stage D; imported from there it would load all of Temporal here


class Floor(BaseModel):
    """What the articles cost at least, on this machine, in this run."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class Limited:
    """A model that answers no more than so many questions at once."""

    def __init__(self, model: LanguageModel, slots: asyncio.Semaphore) -> None:
        self._model = model
        self._slots = slots

    async def generate(self, prompt: Prompt) -> Completion:
        """Answer once a slot is free."""
        async with self._slots:
            return await self._model.generate(prompt)


async def write(keyword: str, site: Site, models: dict[Stage, LanguageModel]) -> str:
    """One article, from keyword to page."""
    analysis = await keyword_analysis.analyse(keyword, site=site, model=models[Stage.KEYWORD_ANALYSIS])
    plan = await outline.plan(analysis, site=site, model=models[Stage.OUTLINE])
    draft = await article.write(plan, keyword, site=site, model=models[Stage.ARTICLE])
    opening = " ".join(draft.markdown.split()[:OPENING_WORDS])
    metadata = await seo_metadata.describe(keyword, plan, opening, site=site, model=models[Stage.SEO_METADATA])
    return page.preview(content_of(site, plan, draft, metadata, offline=False), datetime.now(UTC))


async def measure(url: str, keywords: list[str], *, latency: float, slots: int) -> Floor:
    """Write all articles twice, the second time against the clock."""
    site = workload.site()
    settings = Settings.model_construct(
        openai_base_url=HttpUrl(url), openai_api_key=SecretStr("bench"), model_slots=slots
    )
    async with Providers(settings) as providers:
        free = asyncio.Semaphore(slots)
        models: dict[Stage, LanguageModel] = {stage: Limited(providers.model_for(site, stage), free) for stage in Stage}
        model_server.reset(url, latency=0)
        await asyncio.gather(*(write(keyword, site, models) for keyword in keywords))
        model_server.reset(url, latency=latency)
        started, used = time.monotonic(), time.process_time()
        await asyncio.gather(*(write(keyword, site, models) for keyword in keywords))
        return Floor(
            seconds=time.monotonic() - started,
            cpu_seconds=time.process_time() - used,
            peak_bytes=processes.peak_bytes(os.getpid()),
        )


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--articles", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--latency", type=float, required=True)
    parser.add_argument("--slots", type=int, required=True)
    given = parser.parse_args()
    wanted = workload.keywords(given.articles, first=given.first)
    print(asyncio.run(measure(given.url, wanted, latency=given.latency, slots=given.slots)).model_dump_json())
