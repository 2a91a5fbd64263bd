"""What the desk says of a refusal: never an id."""

from uuid import uuid4

import pytest

from src.api.desk.refusals import refusal_words
from src.domain.errors import Conflict, ConflictReason, LongtailError, NotFound

ID = uuid4()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            Conflict(ConflictReason.ARTICLE_HAS_NO_PAGE, ID),
            "it is being written anew; look again in a minute",
        ),
        (Conflict(ConflictReason.ARTICLE_COMPLETE, ID), "the article is complete"),
        (Conflict(ConflictReason.BATCH_ENDED, ID, status="completed"), "the batch has ended: completed"),
        (Conflict(ConflictReason.SITE_EXISTS, "shop"), "the site shop exists"),
    ],
)
def test_an_id_is_no_word(error: LongtailError, words: str) -> None:
    assert refusal_words(error) == words


def test_what_is_not_there_is_named_by_its_noun() -> None:
    assert str(ID) not in refusal_words(NotFound("article", ID))
