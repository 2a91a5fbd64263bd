"""Every error is worded at both edges: one line for a terminal, a problem document for HTTP."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from src.api.errors import problem_document
from src.cli.errors import hint, worded
from src.domain.errors import (
    AlreadyDecided,
    Conflict,
    ConflictReason,
    Hint,
    InputInvalid,
    LongtailError,
    ModelNotFound,
    NotFound,
    NotReviewable,
)
from tests.error_examples import KINDS, WITH_FACTS, example_of


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_line_for_the_terminal(kind: type[LongtailError]) -> None:
    error = example_of(kind)
    line = worded(error)
    assert "{" not in line
    assert line.startswith(error.message)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_a_problem_document(kind: type[LongtailError]) -> None:
    error = example_of(kind)
    document = json.loads(json.dumps(problem_document(error)))
    assert document["type"].startswith("/problems/")
    assert document["status"] == kind.status
    assert document["detail"] == error.message
    assert document["retryable"] is kind.retryable
    assert "longtail " not in document["detail"]


def test_titles_are_the_class_in_words() -> None:
    assert problem_document(WITH_FACTS[InputInvalid])["title"] == "Input invalid"
    assert problem_document(WITH_FACTS[InputInvalid])["type"] == "/problems/input-invalid"


def test_a_document_carries_the_facts() -> None:
    document = problem_document(WITH_FACTS[InputInvalid])
    assert document["field"] == "volume"
    assert document["value"] == "many"
    assert document["remedy"] == "write a whole number"


def test_the_terminal_calls_fields_by_their_options() -> None:
    error = InputInvalid("until", "2020-01-01", "it is in the past")
    assert worded(error) == "--until: '2020-01-01' cannot be used: it is in the past"


def test_what_was_not_given_is_said_to_be_missing() -> None:
    error = InputInvalid("note", None, "say what is to be changed")
    assert worded(error) == "--note: not given; say what is to be changed"
    assert problem_document(error)["detail"] == "note: not given; say what is to be changed"
    assert "value" not in problem_document(error)
    assert worded(InputInvalid("note", "", "say it")) == "--note: '' cannot be used: say it"


def test_what_is_not_found_names_what_there_is_and_the_command_that_helps() -> None:
    assert worded(WITH_FACTS[NotFound]) == "no site 'shop'; there are: garden; see: longtail site list"


def test_what_an_article_does_not_have_is_told_with_the_article_that_the_command_takes() -> None:
    revision = NotFound("revision", 9, article="3f2a9c01", hint=Hint.SHOW_ARTICLE)
    assert worded(revision) == "no revision '9' of article 3f2a9c01; see: longtail article show 3f2a9c01"
    assert revision.facts == {"noun": "revision", "key": "9", "article": "3f2a9c01"}
    finding = NotFound("finding", 0, article="3f2a9c01", revision=2, hint=Hint.SHOW_REVIEW)
    said = "no finding '0' of revision 2 of article 3f2a9c01; see: longtail review show 3f2a9c01"
    assert worded(finding) == said
    assert problem_document(finding)["revision"] == 2


def test_what_an_article_is_reads_as_a_sentence() -> None:
    decided = AlreadyDecided("3f2a9c01", status="needs_review", by="anna", at=datetime(2026, 11, 20, tzinfo=UTC))
    assert decided.message.startswith("article 3f2a9c01 needs a review: anna decided that on")
    possible = ["needs_review", "parked"]
    refused = NotReviewable("3f2a9c01", status="changes_requested", decision="approve", possible=possible)
    said = "article 3f2a9c01 has changes requested; approve takes one that needs a review or is parked"
    assert refused.message == said
    conflict = Conflict(ConflictReason.ARTICLE_NOT_EDITABLE, "3f2a9c01", status="changes_requested")
    assert conflict.message == "article 3f2a9c01 has changes requested; its text is not changed"


def test_a_model_that_does_not_exist_is_named_with_its_place_and_the_command_that_helps() -> None:
    error = WITH_FACTS[ModelNotFound]
    assert worded(error).endswith("name another under [models] of the site's file, then: longtail site add FILE.toml")
    document = problem_document(error)
    facts = {name: document[name] for name in ("provider", "model", "stage", "site")}
    assert facts == {"provider": "openai", "model": "gpt-9", "stage": "C", "site": "shop"}


@pytest.mark.parametrize("code", Hint)
def test_every_hint_is_a_command_or_a_variable(code: Hint) -> None:
    worded_hint = hint(LongtailError("it went wrong", hint=code))
    assert worded_hint
    assert "{" not in worded_hint


DETAILS: Any = {
    "workers": "blue@host:1",
    "by": "anna",
    "count": "2",
    "until": "06:10",
    "address": "https://shop.example/taps",
    "kind": "promote",
    "other": "3f2a9c01",
    "problem": "it is so",
    "since": "2026-11-20 06:00:00 UTC",
    "slot": "2026-11-20 06:00 UTC",
    "status": "completed",
    "where": "a-host, process 7",
}


@pytest.mark.parametrize("reason", ConflictReason)
def test_every_conflict_states_its_reason(reason: ConflictReason) -> None:
    error = Conflict(reason, "shop", **DETAILS)
    assert error.message
    assert problem_document(error)["reason"] == reason.value
