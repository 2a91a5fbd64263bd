"""``longtail demo`` on a machine with nothing: no server, no key, an empty home."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from httpx2 import AsyncClient
from llmock.scenarios import Fail
from llmock.testing import LLMockServer

from src.bootstrap import open_local_servers
from src.infrastructure.embedded import process
from tests.eventually import eventually

from .conftest import Longtail, empty_folder
from .pages import Page

FAILING = "how to bleed a radiator without a key"
SITE = "hardware-shop"
Done = CompletedProcess[str]


@pytest.fixture(scope="module")
def shop(compiled: Path) -> Iterator[Longtail]:
    with empty_folder() as folder:
        yield Longtail(folder, compiled, LONGTAIL_OFFLINE_LATENCY_SECONDS="0.05")


@pytest.fixture(scope="module")
def first_run(shop: Longtail) -> Done:
    return shop.run("demo", "--articles", "5", "--out", "pages")


@pytest.fixture(scope="module")
def next_run(used_home: Longtail) -> Done:
    return used_home.run("demo", "--out", "pages")


@pytest.fixture(scope="module")
def used_home(shop: Longtail, first_run: Done) -> Iterator[Longtail]:
    """The home that the first run left, with its servers kept up: else each command would start them again."""
    with open_local_servers(shop.home):
        yield shop


def pages_in(folder: Path) -> list[Page]:
    return [Page(file.read_text("utf-8")) for file in sorted(folder.glob("*.html"))]


def outlines(longtail: Longtail, articles: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What stage B planned, by h1."""

    def outline(article: dict[str, Any]) -> dict[str, Any]:
        shown = longtail.json("article", "show", article["id"])
        return next(stage["artefact"] for stage in shown["stages"] if stage["stage"] == "B")

    with ThreadPoolExecutor(2) as several:
        return {plan["h1"]: plan for plan in several.map(outline, articles)}


def test_demos_write_one_page_a_keyword_that_shows_what_was_planned(
    first_run: Done, next_run: Done, used_home: Longtail
) -> None:
    assert (first_run.returncode, next_run.returncode) == (0, 0), first_run.stderr + next_run.stderr
    assert "It is not AI" in first_run.stdout
    assert "5 keywords of the sample have their article; this run writes about the next" in next_run.stdout
    articles = used_home.json("article", "list", "--site", SITE)
    planned = outlines(used_home, articles)
    pages = pages_in(used_home.folder / "pages")
    assert len(pages) == len(planned) == 8
    for page in pages:
        plan = planned[page.headline]
        questions = ["Frequently asked questions"] if plan["faq"] else []
        assert page.texts("h2") == [section["heading"] for section in plan["sections"]] + questions
        assert page.structured_data["Article"]["headline"] == page.headline
        assert not page.handlers
    assert {article["spend"]["cost_usd"] for article in articles} == {"0"}


@pytest.mark.usefixtures("next_run")
def test_a_demo_over_a_home_that_has_all_articles_says_so_and_writes_others(used_home: Longtail) -> None:
    again = used_home.run("demo", "--articles", "2", "--out", "again")
    assert again.returncode == 0, again.stderr
    assert "every keyword of the sample has its article; they are kept" in again.stdout
    assert len(pages_in(used_home.folder / "again")) == 2
    assert len(used_home.json("article", "list", "--site", SITE)) == 10


@pytest.mark.usefixtures("next_run")
async def test_one_failing_article_is_named_and_a_retry_buys_only_what_is_missing(used_home: Longtail) -> None:
    run = used_home.run("demo", "--fail", FAILING, "--out", "seven")
    assert run.returncode == 1
    assert len(pages_in(used_home.folder / "seven")) == 7
    assert f"{FAILING}: stage C, ModelBadRequest after 1 attempt(s)" in run.stderr
    [failed] = used_home.json("article", "list", "--status", "failed")
    before = {call["id"] for call in used_home.json("article", "show", failed["id"])["model_calls"]}

    with used_home.start("dev") as dev:
        retried = used_home.run("article", "retry", failed["id"])
        assert retried.returncode == 0, retried.stderr

        async def complete() -> dict[str, Any] | None:
            shown = await asyncio.to_thread(used_home.json, "article", "show", failed["id"])
            return shown if shown["article"]["status"] == "needs_review" else None

        shown = await eventually(complete)
        async with AsyncClient(base_url=re.findall(r"API +(http\S+)/docs", dev.output)[0]) as client:
            assert (await client.get("/health/ready")).status_code == 200
        assert dev.terminate() == 143
    assert shown is not None
    bought = [call for call in shown["model_calls"] if call["id"] not in before]
    assert [(call["stage"], call["status"]) for call in bought] == [("C", "answered"), ("D", "answered")]
    assert used_home.json("batch", "show", failed["batch_id"])["batch"]["status"] == "completed"


def test_a_wrong_key_is_said_in_one_line_and_starts_nothing(used_home: Longtail) -> None:
    before = used_home.json("batch", "list", SITE)
    with LLMockServer() as server:
        server.state.scenarios.add(Fail(401, times=None))
        run = used_home.run("demo", OPENAI_API_KEY="wrong-0123456789", OPENAI_BASE_URL=server.base_url("openai"))
        asked = [request.path for request in server.state.journal.records(wait=2)]
    assert run.returncode == 1
    [line] = run.stderr.splitlines()
    assert line.startswith("error: ")
    assert "OPENAI_API_KEY" in line
    assert "0123456789" not in line
    assert asked == ["/v1/models"]
    assert used_home.json("batch", "list", SITE) == before


async def test_a_killed_demo_goes_on_with_the_same_batch_and_leaves_nothing_running(compiled: Path) -> None:
    with empty_folder() as folder:
        longtail = Longtail(folder, compiled, LONGTAIL_OFFLINE_LATENCY_SECONDS="0.5")
        with longtail.start("demo") as killed:

            async def half() -> bool:
                log = longtail.home / "worker.log"
                return log.exists() and log.read_text("utf-8").count("model_call_closed") >= 16

            await eventually(half)
            killed.kill()
        again = longtail.run("demo", "--out", "pages")
        left = [found.command for found in process.everything() if str(folder) in found.command]

        assert again.returncode == 0, again.stderr
        assert "its batch resumes where it stopped" in again.stderr
        assert left == []
        assert len(pages_in(folder / "pages")) == 8
        articles = longtail.json("article", "list")
        assert len({article["batch_id"] for article in articles}) == 1
        assert sum(article["spend"]["calls"] for article in articles) == 32
