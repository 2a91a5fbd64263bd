"""Prints batches, articles and holds, for the commands of several nouns."""

from collections.abc import Sequence

from src.domain.article import Article
from src.domain.batch import Batch, BatchStatus
from src.domain.colour import Colour
from src.domain.hold import Hold
from src.domain.publishing import PublicationRecord, PublicationStatus
from src.domain.rate_limit import ModelWait
from src.infrastructure.llm.model_choice import OFFLINE

from .terminal import err, local, money, out, print_table, status

_SHOWN_OF_KEYWORD = 60  # characters


def short(id_: object) -> str:
    """Return the characters of an id by which people call it."""
    return str(id_)[:8]


def print_articles(articles: Sequence[Article]) -> None:
    """Print a line for each article, and each failure."""
    print_table(
        ["article", "keyword", "words", "stages", "seconds", "tokens", "cost", "written by", "status"],
        (
            [
                short(article.id),
                article.keyword[:_SHOWN_OF_KEYWORD],
                article.words if article.words is not None else "–",
                "".join(article.stages_done) or "–",
                f"{article.seconds:.1f}" if article.seconds is not None else "–",
                article.spend.input_tokens + article.spend.output_tokens,
                money(article.spend),
                _writer(article),
                status(article.status),
            ]
            for article in articles
        ),
        folding=("keyword",),
        spare=("tokens", "seconds", "words", "cost", "stages"),
    )
    for article in articles:
        if article.failure:
            stage = f"stage {article.failure.stage}" if article.failure.stage else "outside the stages"
            err.print(
                f"{article.keyword[:_SHOWN_OF_KEYWORD]}: {stage}, {article.failure.error_type} after "
                f"{article.failure.attempts} attempt(s): {article.failure.message}",
                markup=False,
                soft_wrap=True,
            )


def _writer(article: Article) -> str:
    providers = {model.partition(":")[0] for model in article.models}
    if article.offline or providers == {OFFLINE}:
        return "offline writer, not AI"
    return ", ".join(article.models) or "–"


def print_publication(publication: PublicationRecord) -> None:
    """Print when it goes out, or how far it got."""
    if publication.status is PublicationStatus.SCHEDULED:
        out.print(f"{publication.canonical} goes out at {local(publication.due_at)}", markup=False, soft_wrap=True)
        out.print(f"until then: longtail publish undo {short(publication.article_id)}")
    else:
        out.print(f"{publication.canonical} is {publication.status.replace('_', ' ')}", markup=False, soft_wrap=True)


def print_outcome(batch: Batch, *, is_new: bool = False) -> None:
    """Print how the batch ended, and the command that helps next.

    ``is_new``: it ended just now, so that its articles are still to be reviewed.
    """
    out.print(
        f"batch {short(batch.id)} of {batch.site}, slot {local(batch.slot)}: {status(batch.status)}; "
        f"{batch.total} articles: {batch.needs_review} need review, {batch.failed} failed, "
        f"{batch.cancelled} cancelled, {batch.under_way} under way",
        soft_wrap=True,
    )
    if batch.error_type:
        err.print(f"stopped early: {batch.error_type}: {batch.error_message}", markup=False, soft_wrap=True)
        if batch.status is BatchStatus.STOPPED:
            slot = f"{batch.slot:%Y-%m-%dT%H:%M:%SZ}"
            err.print(f"to continue: longtail batch start {batch.site} --slot {slot}", soft_wrap=True)
    elif batch.failed:
        err.print(
            "see why: longtail article show ARTICLE; resume there: longtail article retry ARTICLE", soft_wrap=True
        )
    elif batch.total == 0 and batch.status is not BatchStatus.RUNNING:
        err.print(f"no longtails were left; import some: longtail keywords import {batch.site} FILE")
    if is_new and batch.needs_review:
        out.print(f"review what is written: longtail review list --site {batch.site}", soft_wrap=True)


def hold_line(hold: Hold) -> str:
    """Return a line on the hold and how to release it."""
    held, argument = (hold.site, hold.site) if hold.site else ("every site", "--all")
    note = f": {hold.note}" if hold.note else ""
    return (
        f"{held} is held at {hold.depth} by {hold.held_by} since {local(hold.held_at)}{note}; "
        f"release it with: longtail hold release {argument}"
    )


def print_holds(holds: Sequence[Hold], *, prefix: str = "") -> None:
    """Print a line for each hold."""
    for hold in holds:
        out.print(f"{prefix}{hold_line(hold)}", markup=False, soft_wrap=True)


def print_waits(waits: Sequence[ModelWait]) -> None:
    """Print a line for each model that is waited for."""
    for wait in waits:
        why = "out of order" if wait.is_out_of_order else "limit"
        out.print(
            f"waiting for {wait.model} at {wait.endpoint} until {local(wait.until)} ({why})",
            markup=False,
            soft_wrap=True,
        )


def warn_without_workers(colour: Colour) -> None:
    """Print that no worker takes what was started for ``colour``."""
    err.print(f"[yellow]no {colour} worker is polling; this waits for: longtail worker --colour {colour}[/]")
