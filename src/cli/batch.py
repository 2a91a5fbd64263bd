"""``longtail batch``: start one by hand, watch it, see how it went, stop it."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from src.bootstrap import Application
from src.domain.article import Article
from src.domain.batch import Batch, BatchStatus, Trigger
from src.domain.colour import BLUE, Colour, parse_colour
from src.domain.errors import Conflict, ConflictReason, InputInvalid
from src.domain.hold import Hold
from src.domain.usage import Spend
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.model_choice import OFFLINE
from src.infrastructure.temporal.messages import SiteBatchInput

from . import progress
from .connections import with_application, with_database
from .terminal import err, local, money, out, print_json, print_table, status

app = typer.Typer(help="Start, watch and stop batches of articles.", no_args_is_help=True, add_completion=False)

Json = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]


@app.command()
def start(
    site: Annotated[str, typer.Argument(help="The site's slug.")],
    limit: Annotated[int | None, typer.Option(min=1, max=10_000, help="At most so many articles.")] = None,
    slot: Annotated[str | None, typer.Option(help="The slot, as 2026-11-21T06:00:00+01:00; default: now.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run a slot again that is done.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress and end with the batch.")] = False,
    colour: Annotated[
        Colour, typer.Option(parser=parse_colour, metavar="blue|green", help="Whose workers make it.")
    ] = BLUE,
) -> None:
    """Start a batch now: it claims the site's next longtails and makes an article of each.

    A slot runs once: repeating the command for a slot that is done does nothing unless --force.

    Example: longtail batch start hardware-shop --limit 3 --wait
    """
    moment = parse_slot(slot) if slot else now()
    request = SiteBatchInput(site=site, slot=moment, trigger=Trigger.MANUAL, limit=limit, force=force)

    async def work(application: Application) -> bool:
        from . import runs  # noqa: PLC0415 - a second of imports, which seeing batches does without

        handle = await runs.launch(application, request, colour=colour)
        await runs.warn_unless_polled(application, colour)
        async with application.database.unit_of_work() as uow:
            for hold in await uow.holds.list_current(site):
                err.print(f"it waits: {hold_line(hold)}", markup=False, soft_wrap=True)
        if not wait:
            out.print(f"started {handle.id}")
            return True
        batch = await runs.finish(application, handle, site)
        async with application.database.unit_of_work() as uow:
            articles = await uow.articles.list_all(batch_id=batch.id, limit=batch.total)
        print_articles(articles)
        print_outcome(batch)
        return batch.status is BatchStatus.COMPLETED

    if not with_application(work):
        raise typer.Exit(1)


@app.command("list")
def list_(
    site: Annotated[str | None, typer.Argument(help="The site's slug; default: all sites.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """List batches, the newest slot first.

    Example: longtail batch list hardware-shop
    """

    async def work(database: Database) -> list[Batch]:
        async with database.unit_of_work() as uow:
            if site:
                await uow.sites.get(site)
            return await uow.batches.list_all(site=site, limit=limit)

    batches = with_database(work)
    if as_json:
        print_json(batches)
        return
    print_table(
        ["batch", "site", "slot", "trigger", "status", "articles", "review", "failed", "cancelled"],
        (
            [
                str(batch.id)[:8],
                batch.site,
                local(batch.slot),
                batch.trigger,
                status(batch.status),
                batch.total,
                batch.needs_review,
                batch.failed,
                batch.cancelled,
            ]
            for batch in batches
        ),
        spare=("cancelled", "trigger", "articles"),
    )


@app.command()
def show(
    batch_id: Annotated[str, typer.Argument(metavar="BATCH", help="Its id, or the first characters of it.")],
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it ends.")] = False,
    as_json: Json = False,
) -> None:
    """Show a batch and each of its articles.

    Example: longtail batch show 3f2a9c01 --watch
    """

    async def work(database: Database) -> tuple[Batch, list[Article], Spend, list[Hold]]:
        async with database.unit_of_work() as uow:
            batch = await uow.batches.get_by_prefix(batch_id)
        if watch and batch.status is BatchStatus.RUNNING:
            ending = _ended(database, batch)
            await progress.follow(ending, database, site=batch.site, workflow_id=batch.workflow_id)
        async with database.unit_of_work() as uow:
            return (
                await uow.batches.get(batch.id),
                await uow.articles.list_all(batch_id=batch.id, limit=batch.total),
                await uow.model_calls.sum_usage(batch_id=batch.id),
                await uow.holds.list_current(batch.site),
            )

    batch, articles, spend, holds = with_database(work)
    holds = holds if batch.status is BatchStatus.RUNNING else []
    if as_json:
        print_json(
            {
                "batch": batch.model_dump(mode="json"),
                "spend": spend.model_dump(mode="json"),
                "articles": [article.model_dump(mode="json") for article in articles],
                "holds": [hold.model_dump(mode="json") for hold in holds],
            }
        )
        return
    print_articles(articles)
    print_outcome(batch)
    for hold in holds:
        out.print(hold_line(hold), markup=False, soft_wrap=True)
    out.print(f"{spend.calls} model calls, {spend.input_tokens} + {spend.output_tokens} tokens, {money(spend)}")


@app.command()
def cancel(batch_id: Annotated[str, typer.Argument(metavar="BATCH", help="Its id, or the first characters.")]) -> None:
    """Stop a batch: calls under way are cut off, finished articles stay, the other longtails are ready again.

    Example: longtail batch cancel 3f2a9c01
    """

    async def work(application: Application) -> Batch:
        from . import runs  # noqa: PLC0415 - as above

        async with application.database.unit_of_work() as uow:
            batch = await uow.batches.get_by_prefix(batch_id)
        if batch.status is not BatchStatus.RUNNING:
            raise Conflict(ConflictReason.BATCH_ENDED, batch_id, status=batch.status.replace("_", " "))
        await application.client.get_workflow_handle(batch.workflow_id, run_id=batch.run_id).cancel()
        await runs.warn_unless_polled(application, batch.colour)
        return batch

    batch = with_application(work)
    out.print(f"batch {str(batch.id)[:8]} is being cancelled; see: longtail batch show {str(batch.id)[:8]}")


async def _ended(database: Database, batch: Batch) -> None:
    while batch.status is BatchStatus.RUNNING:
        await asyncio.sleep(progress.POLL.total_seconds())
        async with database.unit_of_work() as uow:
            batch = await uow.batches.get(batch.id)


def now() -> datetime:
    """The slot of a batch that is started by hand: this second."""
    return datetime.now(UTC).replace(microsecond=0)


def parse_slot(text: str) -> datetime:
    """Read a moment with its offset as UTC. Raises InputInvalid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputInvalid("--slot", text, "write it as 2026-11-21T06:00:00+01:00") from error
    if moment.tzinfo is None:
        raise InputInvalid("--slot", text, "say its offset: Z for UTC, or for example +01:00")
    return moment.astimezone(UTC)


def print_articles(articles: list[Article]) -> None:
    """A line an article: how far, how long, what it cost, and where it stopped."""
    print_table(
        ["article", "keyword", "words", "stages", "seconds", "tokens", "cost", "written by", "status"],
        (
            [
                str(article.id)[:8],
                article.keyword[:60],
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
                f"{article.keyword[:60]}: {stage}, {article.failure.error_type} after {article.failure.attempts} "
                f"attempt(s): {article.failure.message}",
                markup=False,
                soft_wrap=True,
            )


def _writer(article: Article) -> str:
    so_far = {model.partition(":")[0] for model in article.models}
    if article.offline or so_far == {OFFLINE}:
        return "offline writer, not AI"
    return ", ".join(article.models) or "–"


def print_outcome(batch: Batch) -> None:
    """One line that says how the batch ended, and the next command if something is left to do."""
    short = str(batch.id)[:8]
    out.print(
        f"batch {short} of {batch.site}, slot {local(batch.slot)}: {status(batch.status)}; {batch.total} articles: "
        f"{batch.needs_review} need review, {batch.failed} failed, {batch.cancelled} cancelled, "
        f"{batch.under_way} under way",
        soft_wrap=True,
    )
    if batch.error_type:
        err.print(f"stopped early: {batch.error_type}: {batch.error_message}", markup=False, soft_wrap=True)
    elif batch.failed:
        err.print("see why: longtail article show ARTICLE; go on there: longtail article retry ARTICLE", soft_wrap=True)
    elif batch.total == 0 and batch.status is not BatchStatus.RUNNING:
        err.print(f"no longtails were left; import some: longtail keywords import {batch.site} FILE")


def hold_line(hold: Hold) -> str:
    """One line that says what is held, by whom and why, and how to let it go on."""
    whom, argument = (hold.site, hold.site) if hold.site else ("every site", "--all")
    return (
        f"{whom} is held at {hold.depth} by {hold.held_by} since {local(hold.held_at)}"
        f"{f': {hold.note}' if hold.note else ''}; let it go on with: longtail hold release {argument}"
    )
