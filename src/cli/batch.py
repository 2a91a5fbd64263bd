"""``longtail batch``: start, watch, list and cancel batches."""

import asyncio
from typing import Annotated

import typer

from src.application import batches
from src.application.batches import BatchDetails, CancelledBatch
from src.bootstrap import Application
from src.domain.batch import Batch, BatchStatus
from src.domain.ids import BatchId
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database

from . import progress
from .connections import names_models, with_application, with_person
from .options import BatchOption, ColourOption, JsonOption, read_slot, resolve_batch
from .terminal import err, local, money, out, print_json, print_table, status
from .views import hold_line, print_articles, print_holds, print_outcome, print_waits, short, warn_without_workers

app = typer.Typer(help="Start, watch and stop batches of articles.", no_args_is_help=True, add_completion=False)


@app.command()
def start(
    site: Annotated[str, typer.Argument(help="The site's slug.")],
    limit: Annotated[int | None, typer.Option(min=1, max=10_000, help="At most so many articles.")] = None,
    slot: Annotated[str | None, typer.Option(help="The slot, as 2026-11-21T06:00:00+01:00; default: now.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run a slot again that is done.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress and end with the batch.")] = False,
    colour: ColourOption = None,
) -> None:
    """Start a batch now.

    It claims the site's next longtails and makes an article of each.

    A slot runs once: repeating the command for a slot that is done does nothing unless --force.

    Example: longtail batch start hardware-shop --limit 3 --wait
    """
    moment = read_slot(slot) if slot else None

    async def work(application: Application) -> BatchDetails | None:
        started = await application.batches.start(site, colour=colour, slot=moment, limit=limit, force=force)
        if not started.has_workers:
            warn_without_workers(started.colour)
        for hold in started.holds:
            err.print(f"it waits: {hold_line(hold)}", markup=False, soft_wrap=True)
        if not wait:
            out.print(f"started {started.workflow_id}; see: longtail batch list {site}", soft_wrap=True)
            return None
        batch = await progress.wait_for_batch(application, site, started.workflow_id)
        return await batches.get_batch_details(application.database, batch.id, by=application.principal)

    details = with_application(work)
    if details is None:
        return
    print_articles(details.articles)
    print_outcome(details.batch, is_new=True)
    if details.batch.status is not BatchStatus.COMPLETED:
        raise typer.Exit(1)


@app.command("list")
def list_(
    site: Annotated[str | None, typer.Argument(help="The site's slug; default: all sites.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: JsonOption = False,
) -> None:
    """List batches, the newest slot first.

    Example: longtail batch list hardware-shop
    """
    listed = with_person(lambda database, by: batches.list_batches(database, by=by, site=site, limit=limit))
    if as_json:
        print_json(listed)
        return
    print_table(
        ["batch", "site", "slot", "trigger", "status", "articles", "review", "failed", "cancelled"],
        (
            [
                short(batch.id),
                batch.site,
                local(batch.slot),
                batch.trigger,
                status(batch.status),
                batch.total,
                batch.needs_review,
                batch.failed,
                batch.cancelled,
            ]
            for batch in listed
        ),
        spare=("cancelled", "trigger", "articles"),
    )


@app.command()
def show(
    batch_id: BatchOption,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it ends.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a batch and each of its articles.

    Example: longtail batch show 3f2a9c01 --watch
    """

    async def work(database: Database, by: Principal) -> BatchDetails:
        found = await resolve_batch(database, batch_id)
        if watch:
            await _watch(database, found, by)
        return await batches.get_batch_details(database, found, by=by, names_models=names_models)

    details = with_person(work)
    if as_json:
        print_json(details)
        return
    print_articles(details.articles)
    print_outcome(details.batch)
    print_holds(details.holds)
    print_waits(details.waits)
    spend = details.spend
    out.print(f"{spend.calls} model calls, {spend.input_tokens} + {spend.output_tokens} tokens, {money(spend)}")


@app.command()
def cancel(batch_id: BatchOption) -> None:
    """Stop a batch; its finished articles stay.

    Calls under way are cut off, and the other longtails are ready again.

    A batch whose workflow Temporal no longer runs is closed at once.

    Example: longtail batch cancel 3f2a9c01
    """

    async def work(application: Application) -> CancelledBatch:
        return await application.batches.cancel(await resolve_batch(application.database, batch_id))

    cancelled = with_application(work)
    batch = cancelled.batch
    if cancelled.is_closed:
        out.print("Temporal has no running workflow of this batch; it is closed, and its longtails are ready again")
        print_outcome(batch)
        return
    if not cancelled.has_workers:
        warn_without_workers(batch.colour)
    out.print(f"batch {short(batch.id)} is being cancelled; see: longtail batch show {short(batch.id)}")


async def _watch(database: Database, batch_id: BatchId, by: Principal) -> None:
    """Show progress until the batch has ended."""
    batch = await batches.get_batch(database, batch_id, by=by)
    if batch.status is BatchStatus.RUNNING:
        await progress.follow(_ended(database, batch, by), database, site=batch.site, workflow_id=batch.workflow_id)


async def _ended(database: Database, batch: Batch, by: Principal) -> None:
    while batch.status is BatchStatus.RUNNING:
        await asyncio.sleep(progress.POLL.total_seconds())
        batch = await batches.get_batch(database, batch.id, by=by)
