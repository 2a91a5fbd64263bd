"""People on the command line: who acts is named, refused or mapped, and every document is the declared one."""

import csv
import getpass
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pydantic import TypeAdapter

from src.domain.person import Grant, Role
from src.infrastructure.database.unit_of_work import Database
from tests.factories import a_site
from tests.finished_articles import SITE, finished_articles, save
from tests.json_documents import DOCUMENTS

from .conftest import Longtail

SHAPES = (
    ("user add", "user add bert --role operator --email bert@example.com"),
    ("user list", "user list"),
    ("user show", "user show bert"),
    ("user role", "user role bert viewer"),
    ("user disable", "user disable bert"),
    ("user enable", "user enable bert"),
    ("user reset", "user reset bert"),
    ("user log-out", "user log-out bert"),
    ("user token create", "user token create bert ci --expires 12h --scope operator"),
    ("user token list", "user token list bert"),
    ("user token revoke", "user token revoke bert ci"),
    ("audit export", "audit export"),
)


async def test_people_are_added_named_and_refused_in_words(database: Database, longtail: Longtail) -> None:
    early = longtail.run("--as", "anna", "user", "list")
    assert (early.returncode, early.stdout) == (1, "")
    assert "no user 'anna'; add the first one: longtail user add NAME --role admin" in early.stderr
    assert "has to be an admin of all sites" in longtail.run("user", "add", "anna", "--role", "viewer").stderr

    added = longtail.run("user", "add", "anna", "--role", "admin")
    assert "act as this user with: longtail --as anna" in added.stdout, added.stderr
    unnamed = longtail.run("site", "list")
    assert (unnamed.returncode, unnamed.stdout) == (1, "")
    assert "there are: anna; say who you are: longtail --as NAME" in unnamed.stderr

    assert longtail.run("--as", "anna", "user", "add", "bert", "--role", "viewer").returncode == 0
    for slug in ("garden-shop", "hardware-shop"):
        async with database.unit_of_work() as uow:
            await uow.sites.upsert(a_site(slug=slug))
    there = ("--site", "garden-shop", "--site", "hardware-shop")
    for words, role in (("add dora --role reviewer", "reviewer"), ("role dora viewer", "viewer")):
        given = longtail.json("--as", "anna", "user", *words.split(), *there)["grants"]
        assert [each["site"] for each in given if each["role"] == role] == ["garden-shop", "hardware-shop"]

    refused = longtail.run("--as", "bert", "user", "list")
    assert refused.returncode == 1
    assert "bert may not do user.read for all sites; it takes the role admin there" in refused.stderr
    assert "longtail user role NAME ROLE" in refused.stderr
    assert "the last who can appoint others" in longtail.run("--as", "anna", "user", "disable", "anna").stderr

    carol = ("user", "add", "carol", "--role", "admin", "--os-user", getpass.getuser())
    assert longtail.run("--as", "anna", *carol).returncode == 0
    made = longtail.run("user", "token", "create", "carol", "newsroom")
    assert made.stdout.startswith("longtail_"), made.stderr
    assert "it is not shown again" in made.stderr
    assert made.stdout.strip() not in longtail.run("user", "token", "list", "carol").stdout

    exported = longtail.run("audit", "export", "--csv")
    *_, last = csv.DictReader(io.StringIO(exported.stdout))
    assert (last["who"], last["noun"], last["action"]) == ("carol", "token", "create")
    assert last["address"].startswith(f"{getpass.getuser()}@")
    assert longtail.run("audit", "export", "--csv", "--jsonl").returncode == 2


async def test_each_command_about_people_prints_its_document(database: Database, longtail: Longtail) -> None:
    async with database.unit_of_work() as uow:
        await uow.users.insert("anna", display_name="Anna", email=None, os_user=None)
        await uow.users.grant("anna", Grant(role=Role.ADMIN, site=None))
    for name, command in SHAPES:
        printed = longtail.run("--as", "anna", *command.split(), "--json")
        assert printed.returncode == 0, printed.stderr
        document: Any = TypeAdapter(DOCUMENTS[name]).validate_json(printed.stdout)
        again = TypeAdapter(DOCUMENTS[name]).dump_python(document, mode="json")
        assert json.loads(printed.stdout) == again, name


async def test_reading_a_site_takes_a_role_there(database: Database, longtail: Longtail) -> None:
    (ref,) = await finished_articles(database)
    await save(database, ref)
    reads = [f"article show {ref.article_id}", f"article html {ref.article_id}", f"review page {ref.article_id}"]
    reads.append(f"schedule show {SITE}")
    assert longtail.run(*reads[0].split()).returncode == 0  # nobody was added yet
    async with database.unit_of_work() as uow:
        for name in ("anna", "dora"):
            await uow.users.insert(name, display_name=name.title(), email=None, os_user=None)
        await uow.users.grant("anna", Grant(role=Role.ADMIN, site=None))
    with ThreadPoolExecutor(2) as several:
        for refused in several.map(lambda command: longtail.run("--as", "dora", *command.split()), reads):
            assert (refused.returncode, refused.stdout) == (1, "")
            assert f"dora may not do site.read on site '{SITE}'" in refused.stderr
    assert longtail.json("--as", "dora", "article", "list") == []
    assert len(longtail.json("--as", "anna", "article", "list")) == 1


async def test_verifying_says_what_differs_and_leaves_with_1(longtail: Longtail) -> None:
    assert longtail.run("user", "add", "anna", "--role", "admin").returncode == 0
    printed = longtail.run("--as", "anna", "audit", "verify", "--json")
    report: Any = TypeAdapter(DOCUMENTS["audit verify"]).validate_json(printed.stdout)
    assert printed.returncode == (0 if report.is_sound else 1)
    assert json.loads(printed.stdout).keys() == {"events", "holes", "differences"}
