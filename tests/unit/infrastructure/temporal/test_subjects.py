"""The id of a workflow names whose trace it is part of."""

from datetime import UTC, datetime
from uuid import uuid4

from src.domain.ids import ArticleId
from src.infrastructure.temporal import ids


def test_an_article_its_review_and_its_publications_are_one_subject() -> None:
    article = ArticleId(uuid4())
    workflows = (ids.article(article), ids.review(article), ids.publish(article))
    assert {ids.subject_of(each) for each in workflows} == {str(article)}
    assert {ids.article_of(each) for each in workflows} == {str(article)}


def test_a_batch_and_its_shards_are_another() -> None:
    batch = ids.batch_run("shop", datetime(2026, 12, 1, 6, tzinfo=UTC))
    assert {ids.subject_of(each) for each in (batch, ids.shard(batch, 0), ids.shard(batch, 300))} == {batch}
    assert ids.article_of(ids.shard(batch, 300)) is None
