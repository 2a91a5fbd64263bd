"""``longtail article``: where did it stop, why, and can only that step be done again?"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from src.bootstrap import Application
from src.domain.article import Article, ArticleRef, ArticleStatus
from src.domain.colour import BLUE, Colour, parse_colour
from src.domain.errors import Conflict, ConflictReason, Hint, InputInvalid
from src.domain.hold import HoldState
from src.domain.stages import STAGES, Stage
from src.domain.usage import in_digits
from src.infrastructure.database.models import ModelCallRow
from src.infrastructure.database.stage_outputs import StageOutput
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids

from .batch import print_articles
from .connections import with_application, with_database
from .terminal import local, money, out, print_json, print_table, status

app = typer.Typer(help="See, export and retry articles.", no_args_is_help=True, add_completion=False)

Json = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]
Id = Annotated[str, typer.Argument(metavar="ARTICLE", help="Its id, or the first characters of it.")]


@app.command("list")
def list_(
    site: Annotated[str | None, typer.Option(help="Only this site's.")] = None,
    wanted: Annotated[ArticleStatus | None, typer.Option("--status", help="Only those in this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: Json = False,
) -> None:
    """List articles, the newest batch first.

    Example: longtail article list --status failed
    """

    async def work(database: Database) -> list[Article]:
        async with database.unit_of_work() as uow:
            if site:
                await uow.sites.get(site)
            return await uow.articles.list_all(site=site, status=wanted, limit=limit)

    articles = with_database(work)
    if as_json:
        print_json(articles)
    else:
        print_articles(articles)


@app.command()
def show(article_id: Id, as_json: Json = False) -> None:
    """Show how far an article got: its stages, every model call and its cost, and where it stopped.

    Example: longtail article show 7be1c2d4
    """

    async def work(database: Database) -> tuple[Article, list[StageOutput], list[ModelCallRow]]:
        async with database.unit_of_work() as uow:
            article = await uow.articles.get_by_prefix(article_id)
            return (
                article,
                await uow.stage_outputs.list_for_article(article.id, article.revision),
                await uow.model_calls.list_for_article(article.id),
            )

    article, outputs, calls = with_database(work)
    if as_json:
        print_json(
            {
                "article": article.model_dump(mode="json"),
                "stages": [output.model_dump(mode="json") for output in outputs],
                "model_calls": [_call(call) for call in calls],
            }
        )
        return
    _print_article(article)
    print_table(
        ["stage", "made by", "prompt", "finished"],
        ([f"{o.stage} {o.stage.label}", f"{o.provider}:{o.model}", o.prompt, local(o.created_at)] for o in outputs),
        title="\nfinished stages",
        spare=("prompt",),
    )
    print_table(
        ["stage", "revision", "attempt", "round", "status", "seconds", "tokens in", "out", "cost", "error"],
        (_call_row(call) for call in calls),
        title="\nmodel calls",
        folding=("error",),
        spare=("round", "revision", "attempt"),
    )


@app.command()
def html(
    article_id: Id,
    to: Annotated[Path | None, typer.Option("--out", "-o", help="Write it here instead of printing it.")] = None,
) -> None:
    """Print an article's complete HTML page.

    Example: longtail article html 7be1c2d4 --out article.html
    """

    async def work(database: Database) -> str | None:
        async with database.unit_of_work() as uow:
            return await uow.articles.find_html((await uow.articles.get_by_prefix(article_id)).id)

    page = with_database(work)
    if page is None:
        raise Conflict(ConflictReason.ARTICLE_HAS_NO_PAGE, article_id, hint=Hint.SHOW_ARTICLE)
    if to is None:
        print(page)  # noqa: T201 - rich would wrap it
        return
    try:
        to.write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputInvalid("--out", str(to), f"{error.strerror}; choose a place that can be written") from error
    out.print(f"written to {to}", soft_wrap=True)


@app.command()
def retry(
    article_id: Id,
    from_stage: Annotated[
        Stage | None, typer.Option("--from", help="Make this stage and those after it again, as a new revision.")
    ] = None,
    colour: Annotated[
        Colour, typer.Option(parser=parse_colour, metavar="blue|green", help="Whose workers make it.")
    ] = BLUE,
) -> None:
    """Go on where an article stopped: finished stages are kept, only the failed one and those after it are bought.

    Example: longtail article retry 7be1c2d4
    """

    async def work(application: Application) -> tuple[ArticleRef, HoldState]:
        from . import runs  # noqa: PLC0415 - a second of imports, which seeing articles does without

        async with application.database.unit_of_work() as uow:
            article = await uow.articles.get_by_prefix(article_id)
            ref = await uow.articles.prepare_retry(article.id, from_stage=from_stage)
            if from_stage:
                kept = STAGES[: STAGES.index(from_stage)]
                await uow.stage_outputs.copy_to_revision(
                    article.id, revision=article.revision, to=ref.revision, stages=kept
                )
        hold = await runs.launch_article(application, ref, colour=colour)
        await runs.warn_unless_polled(application, colour)
        return ref, hold

    ref, hold = with_application(work)
    goes_on = f"goes on once the hold on {ref.site} is released" if hold.depth else "goes on"
    out.print(f"article {str(ref.article_id)[:8]} {goes_on}; see: longtail article show {str(ref.article_id)[:8]}")


def _print_article(article: Article) -> None:
    out.print(f"[bold]{status(article.status)}[/bold]  {article.id}  revision {article.revision}")
    out.print(f"keyword: {article.keyword}", markup=False)
    out.print(f"site {article.site}, batch {str(article.batch_id)[:8]}, workflow {ids.article(article.id)}")
    out.print(f"started {local(article.started_at)}, ended {local(article.finished_at)}")
    spend = article.spend
    out.print(f"{spend.calls} model calls, {spend.input_tokens} + {spend.output_tokens} tokens, {money(spend)}")
    if failure := article.failure:
        out.print(
            f"stopped at {f'stage {failure.stage}' if failure.stage else 'the last step'}: {failure.error_type} after "
            f"{failure.attempts} attempt(s): {failure.message}",
            markup=False,
            soft_wrap=True,
        )
        out.print(f"go on there with: longtail article retry {str(article.id)[:8]}")


def _call(call: ModelCallRow) -> dict[str, object]:
    columns = {column.name: getattr(call, column.name) for column in ModelCallRow.__table__.columns}
    return {name: _plain(value) for name, value in columns.items()}


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return in_digits(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value if isinstance(value, int | None) else str(value)


def _call_row(call: ModelCallRow) -> list[object]:
    return [
        call.stage,
        call.revision,
        call.attempt,
        call.round,
        call.status,
        f"{call.latency_ms / 1000:.1f}" if call.latency_ms is not None else "–",
        call.input_tokens if call.input_tokens is not None else "unknown",
        call.output_tokens if call.output_tokens is not None else "unknown",
        f"${call.cost_usd:.6f}" if call.cost_usd is not None else "unpriced",
        call.error_type or "",
    ]
