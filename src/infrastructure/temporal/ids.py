"""Every id and queue name, spelled once."""

from datetime import UTC, datetime

from src.domain.colour import Colour
from src.domain.ids import ArticleId


def task_queue(colour: Colour) -> str:
    """The queue that workers of ``colour`` poll; children and activities stay on their parent's."""
    return f"articles-{colour}"


def colour_of(queue: str) -> Colour:
    """The colour of a task queue."""
    return Colour(queue.removeprefix("articles-"))


def schedule(site: str) -> str:
    """The one schedule of a site."""
    return f"site/{site}"


def site_of(schedule_id: str) -> str:
    """The site of a schedule."""
    return schedule_id.removeprefix("site/")


def schedule_resume(site: str) -> str:
    """The workflow that ends a pause at its time."""
    return f"resume/{site}"


def batch(site: str) -> str:
    """What a schedule calls its runs; Temporal appends the slot."""
    return f"batch/{site}"


def batch_run(site: str, slot: datetime) -> str:
    """The id of a slot's batch, spelled as Temporal does for a scheduled one: a slot never runs twice at once.

    Source: temporal server, scheduler: the action's id, a hyphen, the nominal time in RFC 3339 with whole seconds.
    """
    return f"{batch(site)}-{slot.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"


def shard(batch_workflow_id: str, first: int) -> str:
    """The part of a large batch that begins at position ``first``."""
    return f"{batch_workflow_id}/articles-{first}"


def article(article_id: ArticleId) -> str:
    """The workflow of an article, whatever its revision."""
    return f"article/{article_id}"
