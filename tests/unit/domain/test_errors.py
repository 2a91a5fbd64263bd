"""The error tree: what each class tells, and that it survives a process boundary."""

import copy
import inspect
import pickle
from collections.abc import Callable
from datetime import timedelta

import pytest

from src.domain import errors
from src.domain.errors import (
    HALTING,
    FileInvalid,
    FindingsBlock,
    InputInvalid,
    LongtailError,
    ModelNotFound,
    ModelRateLimited,
    NotFound,
    NotPermitted,
    OutputRejected,
    SchemaOutdated,
)
from tests.error_examples import KINDS, WITH_FACTS, example_of


def pickled(error: LongtailError) -> LongtailError:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - written the moment before
    assert isinstance(again, LongtailError)
    return again


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("copied", [pickled, copy.copy])
def test_every_error_survives_pickling_and_copying_with_all_it_knows(
    kind: type[LongtailError], copied: Callable[[LongtailError], LongtailError]
) -> None:
    error = example_of(kind)
    again = copied(error)
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.__dict__ == error.__dict__


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_says_what_it_means_and_how_to_answer_it(kind: type[LongtailError]) -> None:
    assert inspect.getdoc(kind)
    assert "__doc__" in vars(kind)
    assert 400 <= kind.status <= 599
    assert isinstance(kind.retryable, bool)
    assert example_of(kind).message == str(example_of(kind))


def test_every_class_of_the_module_is_part_of_the_tree() -> None:
    classes = {one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, BaseException)}
    assert classes == set(KINDS)


def test_messages_name_the_place_the_value_and_the_remedy() -> None:
    assert str(WITH_FACTS[InputInvalid]) == "volume: 'many' cannot be used: write a whole number"
    assert str(WITH_FACTS[FileInvalid]) == "list.csv, line 3: it is empty"
    assert str(WITH_FACTS[ModelNotFound]) == (
        "stage C of site 'shop' is written by 'gpt-9', a model that openai does not have: HTTP 404"
    )
    assert str(FileInvalid("list.csv", "it is empty")) == "list.csv: it is empty"
    assert str(WITH_FACTS[NotFound]) == "no site 'shop'"
    assert str(WITH_FACTS[SchemaOutdated]) == "the database is at revision none, this version needs 0001"
    assert str(WITH_FACTS[OutputRejected]) == "stage B: 2 rule(s) broken after repair: no h1; too short"
    assert str(WITH_FACTS[NotPermitted]).endswith("it takes the role operator or admin there")
    three = NotPermitted("bert", "review.approve", site="shop", roles=["reviewer", "publisher", "admin"])
    assert str(three).endswith("it takes the role reviewer, publisher or admin there")
    assert str(FindingsBlock("3f", ["0: a", "1: b"])) == "2 findings block the approval of article 3f: 0: a; 1: b"


def test_a_value_cannot_smuggle_control_characters_into_a_message() -> None:
    assert "\x1b" not in str(InputInvalid("keyword", "\x1b[31mred", "type it again"))


def test_what_halts_a_batch_is_never_retried() -> None:
    assert not any(kind.retryable for kind in HALTING)


def test_an_error_remembers_how_long_to_wait() -> None:
    assert ModelRateLimited("slow down", retry_after=timedelta(seconds=7)).retry_after == timedelta(seconds=7)
    assert ModelRateLimited("slow down").retry_after is None
