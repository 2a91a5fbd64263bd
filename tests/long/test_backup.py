"""Both servers lose their folders; a backup brings back what people have, and Longtail mends what Temporal lost."""

import shutil
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from src.infrastructure.embedded import process
from tests.story.conftest import Longtail, empty_folder

SITE = "hardware-shop"
EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 60.0
T = TypeVar("T")


def test_what_was_backed_up_is_back_and_goes_on(compiled: Path) -> None:
    with empty_folder() as folder:
        longtail = Longtail(folder, compiled, LONGTAIL_TIME_FACTOR="0.02")
        dump = folder / "all.dump"
        with longtail.start("worker"):
            written = a_site_with_a_batch(longtail)
        with longtail.start("worker", "--offline-latency", "500") as slow:
            assert longtail.run("batch", "start", SITE, "--limit", "1").returncode == 0
            until(lambda: listed(longtail, "article", "list", "--status", "generating"))
            done = longtail.run("db", "backup", str(dump))
            assert done.returncode == 0, done.stderr
            slow.kill()
        before = everything(longtail, written)
        lose(longtail.home)

        restored = longtail.run("db", "restore", str(dump))
        assert restored.returncode == 0, restored.stderr
        with longtail.start("worker"):
            found = longtail.run("schedule", "sync")
            assert found.returncode == 1
            assert SITE in found.stdout, found.stdout + found.stderr
            assert longtail.run("schedule", "sync", "--repair").returncode == 0
            assert longtail.run("schedule", "sync").returncode == 0
            # What ran when it was backed up runs nowhere: its batch is closed, its keyword is ready.
            until(lambda: not listed(longtail, "article", "list", "--status", "generating"))
            assert everything(longtail, written) == before
            until(lambda: is_taken_up(longtail, written[0]))


def a_site_with_a_batch(longtail: Longtail) -> list[str]:
    """Make a site with a schedule and two texts that wait for a review; return their articles."""
    for command in (
        ("site", "add", str(EXAMPLES / f"{SITE}.toml")),
        ("keywords", "import", SITE, str(EXAMPLES / f"{SITE}-keywords.csv")),
        ("schedule", "set", SITE, "--daily", "06:00", "--articles", "2"),
        ("batch", "start", SITE, "--limit", "2", "--wait"),
    ):
        done = longtail.run(*command)
        assert done.returncode == 0, done.stderr
    return [each["id"] for each in listed(longtail, "article", "list", "--status", "needs_review")]


def everything(longtail: Longtail, articles: list[str]) -> dict[str, Any]:
    """Return what people would miss: schedules, texts, what was bought."""
    return {
        "schedule": longtail.json("schedule", "show", SITE)["schedule"],
        "pages": {each: longtail.run("article", "html", each).stdout for each in articles},
        "calls": {each: longtail.json("article", "show", each) for each in articles},
    }


def is_taken_up(longtail: Longtail, article: str) -> bool:
    """Approve the text once; return whether its review, which only Temporal had, carried that out."""
    shown = longtail.json("review", "show", article)
    if shown["article"]["status"] == "needs_review":
        done = longtail.run("review", "approve", article, shown["text"]["content_hash"])
        assert done.returncode == 0, done.stderr
    return any(each["taken_up_at"] for each in shown["decisions"])


def listed(longtail: Longtail, *command: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = longtail.json(*command)
    return found


def lose(home: Path) -> None:
    """End the servers as a crash would, and remove their data."""
    for left in process.everything():
        if f" {home}/" in left.command:
            process.stop(left, signals=[signal.SIGKILL], patience=timedelta(seconds=10))
    shutil.rmtree(home)


def until(look: Callable[[], T]) -> T:
    """Return the first true thing that ``look`` returns."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen in time"
    return found
