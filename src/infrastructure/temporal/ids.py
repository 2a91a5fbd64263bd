"""Ids of workflows and schedules, and names of task queues."""

from datetime import UTC, datetime
from uuid import UUID

from src.domain.colour import Colour
from src.domain.ids import ArticleId

WATCH_QUEUE = "watch"
"""The task queue that workers of every colour poll: what it holds blocks no drain."""

_SHARD = "/articles-"
_OF_ARTICLES = ("article/", "review/", "publish/")


def task_queue(colour: Colour) -> str:
    """Return the task queue of ``colour``.

    Activities use their workflow's; an article may start on another than its parent's.
    """
    return f"articles-{colour}"


def colour_of(queue: str) -> Colour:
    """Return the colour of a task queue."""
    return Colour(queue.removeprefix("articles-"))


def schedule(site: str) -> str:
    """Return the id of a site's schedule."""
    return f"site/{site}"


def site_of(schedule_id: str) -> str:
    """Return the site of a schedule's id."""
    return schedule_id.removeprefix("site/")


def schedule_resume(site: str) -> str:
    """Return the id of the workflow that ends a pause."""
    return f"resume/{site}"


def paused_site(workflow_id: str) -> str:
    """Return the site whose pause the workflow ends."""
    return workflow_id.removeprefix("resume/")


def batch(site: str) -> str:
    """Return the id that a schedule gives its runs.

    Temporal appends the slot.
    """
    return f"batch/{site}"


def batch_run(site: str, slot: datetime) -> str:
    """Return the workflow id of a slot's batch.

    It equals the id that Temporal gives a scheduled run, so that a slot never runs twice at once. Source:
    temporal server, scheduler: the action's id, a hyphen, the nominal time in RFC 3339 with whole seconds.
    """
    return f"{batch(site)}-{slot.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"


def shard(batch_workflow_id: str, first: int) -> str:
    """Return the workflow id of the shard that begins at position ``first``."""
    return f"{batch_workflow_id}{_SHARD}{first}"


def article(article_id: ArticleId) -> str:
    """Return the workflow id of an article; its revisions share it."""
    return f"article/{article_id}"


def made_article(workflow_id: str) -> ArticleId:
    """Return the article whose workflow has this id."""
    return ArticleId(UUID(workflow_id.removeprefix("article/")))


REVIEW_WORKFLOW = "ReviewWorkflow"  # its type: an article starts it by name, since it imports the article's


def review(article_id: ArticleId) -> str:
    """Return the workflow id of an article's review."""
    return f"review/{article_id}"


def reviewed_article(workflow_id: str) -> ArticleId:
    """Return the article whose review has this id."""
    return ArticleId(UUID(workflow_id.removeprefix("review/")))


def publish(article_id: ArticleId) -> str:
    """Return the workflow id of an article's publications."""
    return f"publish/{article_id}"


def article_of(workflow_id: str) -> str | None:
    """Return the article whose workflow this is, None for others."""
    return next((workflow_id.removeprefix(kind) for kind in _OF_ARTICLES if workflow_id.startswith(kind)), None)


def subject_of(workflow_id: str) -> str:
    """Return what a workflow is about.

    That is its article, else the batch of a shard, else itself.
    """
    return article_of(workflow_id) or workflow_id.partition(_SHARD)[0]
