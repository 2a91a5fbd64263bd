"""Reviews on the command line: what waits, what is decided, and what a refusal says."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from src.domain.person import Grant, Role
from src.infrastructure.database.unit_of_work import Database
from tests.finished_articles import finished_articles, save
from tests.json_documents import DOCUMENTS

from .conftest import Longtail


async def test_two_people_review_from_the_command_line(database: Database, longtail: Longtail) -> None:
    refs = await finished_articles(database, 5)
    for ref in refs:
        await save(database, ref)
    first, second, third, fourth, fifth = (str(ref.article_id) for ref in refs)
    async with database.unit_of_work() as uow:
        for name, role in (("anna", Role.ADMIN), ("bert", Role.REVIEWER)):
            await uow.users.insert(name, display_name=name.title(), email=None, os_user=None)
            await uow.users.grant(name, Grant(role=role, site=None))

    queue = printed(longtail, "anna", "review list")
    assert [each["article_id"] for each in queue] == [first, second, third, fourth, fifth]
    hashes = {each["article_id"]: each["content_hash"] for each in queue}
    snapshot = longtail.folder / "queue.json"
    snapshot.write_text(json.dumps(queue), encoding="utf-8")

    shown = longtail.run("--as", "bert", "review", "show", first[:8]).stdout
    assert f"text {hashes[first][:12]}" in shown
    assert "not seen by you: what stands before the sections, part-1" in shown
    assert f"decide: longtail review approve {first[:8]} {hashes[first][:12]}" in shown
    assert "findings: none" in shown

    assert longtail.run("--as", "bert", "review", "page", first[:8]).returncode == 0
    for name, unseen in (("bert", "nothing"), ("anna", "what stands before the sections, part-1")):
        assert f"not seen by you: {unseen}" in longtail.run("--as", name, "review", "show", first[:8]).stdout

    wished = longtail.run("--as", "bert", "review", "approve", first, hashes[first][:12], "--publish", "now")
    assert "bert may not do publish.start" in wished.stderr
    approved = longtail.run("--as", "bert", "review", "approve", first, hashes[first][:12])
    assert f"article {first[:8]} is approved" in approved.stdout
    assert "the watchdog tells it" in approved.stderr
    rejection = ("--reason", "quality", "--keyword", "never")
    late = longtail.run("--as", "anna", "review", "reject", first, hashes[first], *rejection)
    assert late.returncode == 1
    assert f"article {first} is approved: bert decided that on" in late.stderr
    assert f"see: longtail review show {first}" in late.stderr

    soon = longtail.run("--as", "bert", "review", "snooze", third, "--until", "soon")
    assert "--until: 'soon' cannot be used: write it as 3d or 12h" in soon.stderr

    assert printed(longtail, "bert", "review park", fifth, "--note", "until spring")["status"] == "parked"
    async with database.unit_of_work() as uow:
        await uow.reviews.set(refs[1].article_id, snoozed_until=datetime.now(UTC) + timedelta(days=3))
    listed = longtail.run("--as", "bert", "review", "list")
    assert [each[:8] in listed.stdout for each in (second, third, fifth)] == [False, True, False]
    assert "1 more is put off; with them: longtail review list --snoozed" in listed.stderr

    text = longtail.folder / "section.md"
    text.write_text("Anna **tested** this herself.\n", encoding="utf-8")
    edited = printed(longtail, "anna", "review edit", third, hashes[third], "--section", "part-1", "--text", str(text))
    assert (edited["revision"]["author"], edited["is_new"]) == ("anna", True)
    result = printed(longtail, "bert", "review approve", "--all-in", str(snapshot), document="review approve --all-in")
    assert [each["decision"]["article_id"] for each in result["decided"]] == [second, fourth]
    assert {each["article_id"]: each["error_type"] for each in result["left_out"]} == {
        first: "AlreadyDecided",
        third: "TextReplaced",
        fifth: "AlreadyDecided",
    }


def printed(longtail: Longtail, person: str, command: str, *arguments: str, document: str | None = None) -> Any:
    """What a command prints with --json, which is the document that is declared for it."""
    done = longtail.run("--as", person, *command.split(), *arguments, "--json")
    assert done.returncode == 0, done.stderr
    declared: Any = TypeAdapter(DOCUMENTS[document or command])
    again = declared.dump_python(declared.validate_json(done.stdout), mode="json")
    found = json.loads(done.stdout)
    assert found == again, command
    return found
