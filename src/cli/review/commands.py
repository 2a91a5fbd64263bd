"""``longtail review``: see reviews, claim them, comment."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from src.application.reviews import ReviewDetails, Reviews, count_snoozed, get_review, get_review_page, list_reviews
from src.domain.article import ArticleStatus
from src.domain.finding import RevisionFinding
from src.domain.principal import Principal
from src.domain.review import Comment, Decision, Review
from src.infrastructure.database.reviews import QueuedReview
from src.infrastructure.database.unit_of_work import Database

from ..connections import with_person
from ..options import ArticleOption, JsonOption, resolve_article
from ..terminal import err, local, out, print_json, print_page, print_table, status
from ..views import short

app = typer.Typer(
    help="See what waits for a decision, and decide: approve, request changes, reject.",
    no_args_is_help=True,
    add_completion=False,
)

_SHOWN_OF_HASH = 12  # characters; enough to name a text
_SHOWN_OF_KEYWORD = 60
_WAITING = (ArticleStatus.NEEDS_REVIEW, ArticleStatus.CHANGES_REQUESTED)


@app.command("list")
def list_(
    site: Annotated[str | None, typer.Option(help="Only this site's.")] = None,
    wanted: Annotated[
        ArticleStatus, typer.Option("--status", help="In this status instead of those that wait.")
    ] = ArticleStatus.NEEDS_REVIEW,
    assignee: Annotated[str | None, typer.Option(help="Only those given to this user.")] = None,
    snoozed: Annotated[bool, typer.Option("--snoozed", help="Also those that are put off.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what waits for a review, the longest waiting first.

    Its --json is what approve, reject and request-changes take with --all-in.

    Example: longtail review list --site hardware-shop
    """

    async def work(database: Database, by: Principal) -> tuple[list[QueuedReview], int]:
        listed = await list_reviews(
            database, by=by, site=site, status=wanted, assignee=assignee, snoozed=snoozed, limit=limit
        )
        if snoozed or as_json:
            return listed, 0
        return listed, await count_snoozed(database, by=by, site=site, status=wanted, assignee=assignee)

    reviews, left_out = with_person(work)
    if as_json:
        print_json(reviews)
        return
    put_off = ["put off until"] if snoozed else []
    print_table(
        ["article", "site", "keyword", "text", "by", "waits since", *put_off, "claimed by", "assignee", "status"],
        (_queue_row(review, snoozed=snoozed) for review in reviews),
        folding=("keyword",),
        spare=("assignee", "site", "by", "waits since", *(["claimed by"] if snoozed else [])),
    )
    if left_out:
        is_or_are = "is" if left_out == 1 else "are"
        err.print(f"{left_out} more {is_or_are} put off; with them: longtail review list --snoozed", soft_wrap=True)


@app.command()
def show(article_id: ArticleOption, as_json: JsonOption = False) -> None:
    """Show an article's newest text, its findings and what was decided.

    The hash, after "text", names the text: decisions ask for it, so that nobody approves what he has not seen. Sections
    are named by their ids; findings by their numbers.

    Example: longtail review show 7be1c2d4
    """

    async def work(database: Database, by: Principal) -> ReviewDetails:
        return await get_review(database, await resolve_article(database, article_id), by=by)

    details = with_person(work)
    if as_json:
        print_json(details)
        return
    _print_review(details)
    print_table(
        ["number", "weight", "rule", "section", "finding", "waived by"],
        (_finding_row(finding) for finding in details.findings),
        title="\nfindings",
        folding=("finding",),
        spare=("waived by", "section"),
    )
    print_table(
        ["comment", "on", "by", "at", "says", "settled by"],
        (
            [short(each.id), each.block or "the whole", each.by, local(each.at), each.text, each.resolved_by or "–"]
            for each in details.comments
        ),
        title="\ncomments",
        folding=("says",),
        spare=("settled by", "at"),
    )
    _print_decisions(details.decisions, title="\ndecisions")


@app.command()
def page(
    article_id: ArticleOption,
    to: Annotated[Path | None, typer.Option("--out", "-o", help="Write it here instead of printing it.")] = None,
) -> None:
    """Print the page as your approval would make it now.

    Its sections count as seen by you: review show names those that change afterwards.

    Example: longtail review page 7be1c2d4 --out page.html
    """

    async def work(database: Database, by: Principal) -> str:
        found = await resolve_article(database, article_id)
        if by.person is not None:  # before the page is read: a text that replaces this one meanwhile stays unseen
            await Reviews(database, by=by).see(found)
        return await get_review_page(database, found, by=by)

    print_page(with_person(work), to)


@app.command()
def history(article_id: ArticleOption, as_json: JsonOption = False) -> None:
    """Show what was decided about an article, the oldest first.

    Example: longtail review history 7be1c2d4
    """

    async def work(database: Database, by: Principal) -> ReviewDetails:
        return await get_review(database, await resolve_article(database, article_id), by=by)

    decisions = with_person(work).decisions
    if as_json:
        print_json(decisions)
        return
    _print_decisions(decisions)


@app.command()
def claim(
    article_id: ArticleOption,
    take_over: Annotated[bool, typer.Option("--take-over", help="Although somebody else looks at it.")] = False,
    release: Annotated[bool, typer.Option("--release", help="End your claim instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show others that you look at an article, for ten minutes.

    Nobody is kept from deciding. Repeat it to keep it.

    Example: longtail review claim 7be1c2d4
    """

    async def work(database: Database, by: Principal) -> Review:
        reviews, found = Reviews(database, by=by), await resolve_article(database, article_id)
        return await reviews.release(found) if release else await reviews.claim(found, take_over=take_over)

    review = with_person(work)
    if as_json:
        print_json(review)
    elif review.claimed_by:
        out.print(f"claimed by {review.claimed_by} until {local(review.claimed_until)}", markup=False)
    else:
        out.print("claimed by nobody")


@app.command()
def assign(
    article_id: ArticleOption,
    person: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A user; nobody without it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Give an article to somebody for review.

    Example: longtail review assign 7be1c2d4 anna
    """

    async def work(database: Database, by: Principal) -> Review:
        return await Reviews(database, by=by).assign(await resolve_article(database, article_id), person)

    review = with_person(work)
    if as_json:
        print_json(review)
    else:
        out.print(f"given to {review.assignee or 'nobody'}", markup=False)


@app.command()
def comment(
    article_id: ArticleOption,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What you want to say.")],
    section: Annotated[str | None, typer.Option(help="The id of the section that it is about.")] = None,
    span: Annotated[str | None, typer.Option(help="The words of it that it is about.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Leave a comment at an article's newest text.

    Example: longtail review comment 7be1c2d4 "Who says so?" --section what-you-need
    """

    async def work(database: Database, by: Principal) -> Comment:
        found = await resolve_article(database, article_id)
        return await Reviews(database, by=by).comment(found, text, block=section, span=span)

    left = with_person(work)
    if as_json:
        print_json(left)
    else:
        out.print(f"comment {short(left.id)} is kept", markup=False)


def _queue_row(review: QueuedReview, *, snoozed: bool) -> list[object]:
    return [
        short(review.article_id),
        review.site,
        review.keyword[:_SHOWN_OF_KEYWORD],
        (review.content_hash or "–")[:_SHOWN_OF_HASH],
        review.author or review.made_by or "–",
        local(review.waiting_since),
        *([local(review.snoozed_until)] if snoozed else []),
        review.claimed_by or "–",
        review.assignee or "–",
        status(review.status),
    ]


def _print_review(details: ReviewDetails) -> None:
    article, text, review = details.article, details.text, details.review
    out.print(f"[bold]{status(article.status)}[/bold]  {article.id}  text {text.content_hash[:_SHOWN_OF_HASH]}")
    out.print(f"keyword: {article.keyword}", markup=False)
    out.print(f"title: {text.content.title}", markup=False)
    out.print(f"description: {text.content.description}", markup=False)
    made_by = text.author or text.made_by
    out.print(f"revision {text.number} of the text, made by {made_by} on {local(text.created_at)}", markup=False)
    if article.status in _WAITING:
        out.print(f"waits since {local(review.waiting_since)}")
        if review.snoozed_until:
            out.print(f"put off until {local(review.snoozed_until)}")
    if review.assignee:
        out.print(f"given to {review.assignee}", markup=False)
    if review.claimed_by and review.claimed_until and review.claimed_until > datetime.now(UTC):
        out.print(f"claimed by {review.claimed_by} until {local(review.claimed_until)}", markup=False)
    if details.approvals:
        approvals = f"{len(details.approvals)} of {details.approvals_needed}"
        out.print(f"approved by {', '.join(details.approvals)} ({approvals})", markup=False)
    names = {"": "what stands before the sections"} | {each.id: each.id for each in text.content.sections}
    out.print(f"sections: {', '.join(names[each.id] for each in text.content.sections)}", markup=False)
    out.print(f"not seen by you: {', '.join(names[each] for each in details.unseen) or 'nothing'}", markup=False)
    out.print(f"read it: longtail review page {short(article.id)} --out page.html", soft_wrap=True)
    if next_step := _next_step(details):
        out.print(next_step, soft_wrap=True)


def _next_step(details: ReviewDetails) -> str | None:
    """Return what can be done with the article now, with the command."""
    article, text = short(details.article.id), details.text.content_hash[:_SHOWN_OF_HASH]
    match details.article.status:
        case ArticleStatus.NEEDS_REVIEW if any(finding.blocks for finding in details.findings):
            waive = f"longtail review waive {article} NUMBER {text} --reason TEXT"
            return f"a finding blocks its approval; accept it: {waive}; or request-changes, reject, edit"
        case ArticleStatus.NEEDS_REVIEW:
            return f"decide: longtail review approve {article} {text}; or request-changes, reject, edit"
        case ArticleStatus.PARKED | ArticleStatus.WITHDRAWN:
            return f"let it await a review again: longtail review restore {article}"
        case _:
            return None


def _finding_row(finding: RevisionFinding) -> list[object]:
    waiver = f"{finding.waived_by}: {finding.waived_reason}" if finding.waived_by else "–"
    return [finding.number, finding.severity, finding.rule, finding.block or "–", finding.message, waiver]


def _print_decisions(decisions: list[Decision], *, title: str | None = None) -> None:
    print_table(
        ["number", "decision", "by", "at", "text", "reason", "note", "article became"],
        (
            [
                each.number,
                each.kind.replace("_", " "),
                each.by,
                local(each.at),
                each.from_hash[:_SHOWN_OF_HASH],
                each.reason or "–",
                each.note or "–",
                status(each.to_status),
            ]
            for each in decisions
        ),
        title=title,
        folding=("note", "by"),
        spare=("text", "number"),
    )
