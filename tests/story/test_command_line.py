"""What the command line says when it cannot: one line that names the remedy, exit code 1 or 2, never a traceback."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE

import pytest

from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from tests.factories import a_site, longtails

from .conftest import Longtail

SITE = "plain-shop"
KEYWORDS = "keywords.csv"
NOWHERE = "127.0.0.1:9"


@dataclass(frozen=True)
class Case:
    """A command, and what it has to come to."""

    command: str
    code: int
    said: str
    variables: dict[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return " ".join([*(f"{name}={value}" for name, value in self.variables.items()), self.command])


CASES = (
    Case("bake", 2, "No such command 'bake'"),
    Case("batch start", 2, "Missing argument 'site'"),
    Case("batch start nowhere", 1, "no site 'nowhere'"),
    Case(f"batch start {SITE} --limit 0", 2, "--limit"),
    Case(f"batch start {SITE} --slot yesterday", 2, "--slot: 'yesterday' cannot be used: write it as 2026-"),
    Case(f"batch start {SITE} --slot 2026-11-21T06:00:00", 2, "say its offset"),
    Case("batch show ffffffff", 1, "no batch 'ffffffff'"),
    Case("batch show ff", 2, "at least 4 characters"),
    Case("batch cancel ffffffff", 1, "no batch 'ffffffff'"),
    Case("article show ffffffff", 1, "no article 'ffffffff'"),
    Case("article retry ffffffff", 1, "no article 'ffffffff'"),
    Case("article retry ffffffff --from E", 2, "--from"),
    Case("keywords import nowhere keywords.csv", 1, "no site 'nowhere'"),
    Case(f"keywords import {SITE} missing.csv", 2, "missing.csv"),
    Case(f"keywords import {SITE} empty.txt", 2, "it holds no keywords"),
    Case("site add missing.toml", 2, "missing.toml"),
    Case("site add keywords.csv", 2, "keywords.csv"),
    Case("site show nowhere", 1, "no site 'nowhere'"),
    Case("publish verify", 2, "ARTICLE: not given; name an article, or a site with --site"),
    Case("review request-changes ffffffff 3f9a2c01", 2, "--note: not given; say what is to be changed"),
    Case("worker --colour red", 2, "--colour"),
    Case("demo --fail nonsense", 2, "it is none of the keywords of this run"),
    Case("site list", 2, "LONGTAIL_MODEL_SLOTS", {"LONGTAIL_MODEL_SLOTS": "many"}),
    Case("site list", 2, "LONGTAIL_LOG_LEVEL", {"LONGTAIL_LOG_LEVEL": "loud"}),
    Case("site list", 2, "DATABASE_URL", {"DATABASE_URL": "mysql://u:secret@db/x"}),
    Case("site list", 1, "DATABASE_URL", {"DATABASE_URL": f"postgresql://u:secret@{NOWHERE}/x"}),
    Case("worker", 1, f"Temporal at {NOWHERE}", {"TEMPORAL_ADDRESS": NOWHERE}),
)
PRINTING_JSON = (
    "site list",
    f"site show {SITE}",
    f"keywords list {SITE}",
    f"keywords import {SITE} keywords.csv --dry-run",
    f"batch list {SITE}",
    f"article list --site {SITE}",
)


@pytest.fixture(scope="module")
async def installed(
    tmp_path_factory: pytest.TempPathFactory,
    compiled: Path,
    migrated: Database,
    database_url: str,
    temporal_server: TemporalServer,
) -> AsyncIterator[Longtail]:
    """The command, where there is a site with keywords."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "empty.txt").write_text("\n# nothing\n")
    (folder / KEYWORDS).write_text("keyword,volume\nhow to fix a leaky tap,90\n")
    longtail = Longtail(folder, compiled, DATABASE_URL=database_url, TEMPORAL_ADDRESS=temporal_server.address)
    async with migrated.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=SITE))
        await uow.longtails.add(SITE, longtails(3), source="test")
    yield longtail
    async with migrated.unit_of_work() as uow:
        await uow.sites.delete(SITE)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_command_that_cannot_says_why_in_words(case: Case, installed: Longtail) -> None:
    run = installed.run(*case.command.split(), stdout=PIPE, **case.variables)
    words = " ".join(run.stderr.split())  # usage errors come in a box
    assert run.returncode == case.code, run.stderr
    assert case.said in words
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    assert "secret" not in run.stderr


@pytest.mark.parametrize("command", PRINTING_JSON)
def test_json_is_all_that_is_printed(command: str, installed: Longtail) -> None:
    run = installed.run(*command.split(), "--json")
    assert run.returncode == 0, run.stderr
    assert isinstance(json.loads(run.stdout), dict | list)


@pytest.mark.parametrize("command", ["--help", "site list --json"])
async def test_a_reader_who_leaves_early_is_no_failure(command: str, installed: Longtail) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as pipe:
        run = installed.run(*command.split(), stdout=pipe)
    assert (run.returncode, run.stderr) == (0, "")
