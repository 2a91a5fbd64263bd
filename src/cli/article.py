"""``longtail article``: see where articles stopped, export and retry them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from src.application.articles import ArticleDetails, StartedArticle, get_article_details, get_page, list_articles
from src.bootstrap import Application
from src.domain.article import ArticleStatus
from src.domain.difference import Difference
from src.domain.finding import RevisionFinding
from src.domain.principal import Principal
from src.domain.revision import RevisionSummary
from src.domain.stages import Stage
from src.infrastructure.database.model_calls import ModelCall
from src.infrastructure.database.unit_of_work import Database

from .connections import names_models, with_application, with_person
from .options import ArticleOption, ColourOption, JsonOption, resolve_article
from .terminal import local, money, out, print_json, print_page, print_table, status
from .views import print_articles, print_waits, short, warn_without_workers

app = typer.Typer(help="See, export and retry articles.", no_args_is_help=True, add_completion=False)


@app.command("list")
def list_(
    site: Annotated[str | None, typer.Option(help="Only this site's.")] = None,
    wanted: Annotated[ArticleStatus | None, typer.Option("--status", help="Only those in this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List articles, the newest batch first.

    Example: longtail article list --status failed
    """

    articles = with_person(lambda database, by: list_articles(database, by=by, site=site, status=wanted, limit=limit))
    if as_json:
        print_json(articles)
    else:
        print_articles(articles)


@app.command()
def show(article_id: ArticleOption, as_json: JsonOption = False) -> None:
    """Show how far an article got.

    Its stages, the revisions of its text and what was found in it, every model call and its cost, and where it stopped.

    A stage revision is one pass through the stages. A revision of the text is what such a pass or a person made; its
    hash is what reviews name.

    Example: longtail article show 7be1c2d4
    """

    async def work(database: Database, by: Principal) -> ArticleDetails:
        found = await resolve_article(database, article_id)
        return await get_article_details(database, found, by=by, names_models=names_models)

    details = with_person(work)
    if as_json:
        print_json(details)
        return
    _print_article(details)
    print_table(
        ["stage", "made by", "prompt", "finished"],
        (
            [f"{each.stage} {each.stage.label}", f"{each.provider}:{each.model}", each.prompt, local(each.created_at)]
            for each in details.stages
        ),
        title="\nfinished stages",
        spare=("prompt",),
    )
    print_table(
        ["revision", "made by", "of", "text", "made"],
        (_revision_row(revision) for revision in details.revisions),
        title="\nrevisions of the text",
        folding=("made by",),
    )
    print_table(
        ["weight", "rule", "section", "finding", "waived by"],
        (_finding_row(finding) for finding in details.findings),
        title="\nfindings in the newest revision",
        folding=("finding",),
        spare=("waived by", "section"),
    )
    print_table(
        ["stage", "stage revision", "attempt", "round", "status", "seconds", "tokens in", "out", "cost", "error"],
        (_call_row(call) for call in details.model_calls),
        title="\nmodel calls",
        folding=("error",),
        spare=("round", "stage revision", "attempt"),
    )


@app.command()
def html(
    article_id: ArticleOption,
    to: Annotated[Path | None, typer.Option("--out", "-o", help="Write it here instead of printing it.")] = None,
) -> None:
    """Print an article's complete HTML page.

    Example: longtail article html 7be1c2d4 --out article.html
    """

    async def work(database: Database, by: Principal) -> str:
        return (await get_page(database, await resolve_article(database, article_id), by=by)).html

    print_page(with_person(work), to)


@app.command()
def diff(
    article_id: ArticleOption,
    before: Annotated[
        int | None,
        typer.Argument(metavar="[N]", min=1, help="The earlier revision of the text; by default what M was made of."),
    ] = None,
    after: Annotated[
        int | None, typer.Argument(metavar="[M]", min=1, help="The later one; by default the newest.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two revisions of an article's text.

    Part by part: single lines, the order of sections, headings, paragraphs, lists, tables.

    Example: longtail article diff 7be1c2d4 1 2
    """
    from src.application.revisions import get_difference  # noqa: PLC0415 - rules and renderers, for this command alone

    async def work(database: Database, by: Principal) -> Difference:
        found = await resolve_article(database, article_id)
        return await get_difference(database, found, by=by, before=before, after=after)

    difference = with_person(work)
    if as_json:
        print_json(difference)
        return
    out.print(f"{_revision(difference.before)} -> {_revision(difference.after)}", markup=False)
    for hunk in difference.hunks:
        out.print(f"\n[bold]{hunk.kind.replace('_', ' ')}[/bold]  [dim]{hunk.id}[/dim]  {escape(hunk.place)}")
        _print_side("-", "red", hunk.before)
        _print_side("+", "green", hunk.after)
    if not difference.hunks:
        out.print("the same text")


@app.command()
def retry(
    article_id: ArticleOption,
    from_stage: Annotated[
        Stage | None,
        typer.Option("--from", help="Make this stage and those after it again, as the next stage revision."),
    ] = None,
    colour: ColourOption = None,
) -> None:
    """Resume where an article stopped.

    Finished stages are kept, only the failed one and those after it are bought.

    Example: longtail article retry 7be1c2d4
    """

    async def work(application: Application) -> StartedArticle:
        found = await resolve_article(application.database, article_id)
        if from_stage is None:
            return await application.articles.retry(found, colour=colour)
        return await application.articles.revise(found, from_stage=from_stage, colour=colour)

    started = with_application(work)
    if not started.has_workers:
        warn_without_workers(started.colour)
    article = started.article
    resumes = f"resumes when the hold on {article.site} is released" if started.hold.depth else "resumes"
    out.print(f"article {short(article.article_id)} {resumes}; see: longtail article show {short(article.article_id)}")


def _print_article(details: ArticleDetails) -> None:
    article = details.article
    out.print(f"[bold]{status(article.status)}[/bold]  {article.id}  stage revision {article.stage_revision}")
    out.print(f"keyword: {article.keyword}", markup=False)
    out.print(f"site {article.site}, batch {short(article.batch_id)}, workflow {details.workflow_id}")
    out.print(f"started {local(article.started_at)}, ended {local(article.finished_at)}")
    spend = article.spend
    out.print(f"{spend.calls} model calls, {spend.input_tokens} + {spend.output_tokens} tokens, {money(spend)}")
    print_waits(details.waits)
    if failure := article.failure:
        out.print(
            f"stopped at {f'stage {failure.stage}' if failure.stage else 'the last step'}: {failure.error_type} after "
            f"{failure.attempts} attempt(s): {failure.message}",
            markup=False,
            soft_wrap=True,
        )
        out.print(f"resume there with: longtail article retry {short(article.id)}")


def _revision(revision: RevisionSummary) -> str:
    return f"revision {revision.number} ({revision.author or revision.made_by}, text {revision.content_hash[:12]})"


def _print_side(sign: str, style: str, text: str | None) -> None:
    for line in (text or "").splitlines():
        out.print(Text(f"{sign} {line}", style=style), soft_wrap=True)


def _revision_row(revision: RevisionSummary) -> list[object]:
    source = f"stage revision {revision.stage_revision}" if revision.stage_revision else f"revision {revision.parent}"
    made_by = revision.author or revision.made_by
    return [revision.number, made_by, source, revision.content_hash[:12], local(revision.created_at)]


def _finding_row(finding: RevisionFinding) -> list[object]:
    waiver = f"{finding.waived_by}: {finding.waived_reason}" if finding.waived_by else "–"
    return [finding.severity, finding.rule, finding.block or "–", finding.message, waiver]


def _call_row(call: ModelCall) -> list[object]:
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
