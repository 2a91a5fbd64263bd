"""``longtail review``: decisions, each on the text that its hash names."""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from src.application.decisions import Decided, Snapshot
from src.application.revisions import EditResult, Revisions
from src.bootstrap import Application
from src.domain.edit import SectionEdit, TextEdit, TextForm
from src.domain.errors import FileInvalid, InputInvalid
from src.domain.finding import RevisionFinding
from src.domain.principal import Principal
from src.domain.publishing import PublishWish
from src.domain.review import ChangeReason, KeywordAfter, RejectReason, Verdict, WithdrawReason
from src.infrastructure.database.unit_of_work import Database

from ..connections import with_application, with_person
from ..options import ArticleOption, JsonOption, read_file, read_wish, resolve_article
from ..schedule.options import duration, moment
from ..terminal import out, print_json
from ..views import short
from .commands import app
from .views import print_bulk, print_decided

SomeArticle = Annotated[
    str | None, typer.Argument(metavar="[ARTICLE]", help="Its id, or the first characters of it; none with --all-in.")
]
HashOption = Annotated[
    str | None, typer.Argument(metavar="[HASH]", help="Of the text that you read, or its first characters.")
]
SnapshotOption = Annotated[
    Path | None,
    typer.Option("--all-in", help="Decide on all texts in this file, which `longtail review list --json` printed."),
]
NoteOption = Annotated[str | None, typer.Option(help="What you want to say about it.")]
KeyOption = Annotated[str | None, typer.Option("--key", help="For scripts: a decision with the same key is made once.")]

_SNAPSHOTS = TypeAdapter(list[Snapshot])


@app.command()
def approve(
    article_id: SomeArticle = None,
    content_hash: HashOption = None,
    all_in: SnapshotOption = None,
    publish: Annotated[
        str | None,
        typer.Option(
            metavar="<now|cadence|TIME|no>",
            help="When it goes live, whatever the site's file says: 2026-12-01T09:00 is in this machine's time zone.",
        ),
    ] = None,
    note: NoteOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a text, exactly as you read it.

    Where the site wants two people, the first approval is kept and the article waits for the second. A later change of
    the text voids it. With the last approval it goes live as on_approval says below [publishing] of the site's file.
    --publish takes the right to publish; what then cannot be published is not approved either.

    Example: longtail review approve 7be1c2d4 3f9a2c01d4e5 --publish now
    """
    wish = read_wish(publish) if publish is not None else None
    _decide(Verdict.approve(note=note), article_id, content_hash, all_in, key=key, publish=wish, as_json=as_json)


@app.command("request-changes")
def request_changes(
    article_id: SomeArticle = None,
    content_hash: HashOption = None,
    reason: Annotated[
        ChangeReason, typer.Option(help="It decides what is made again; with other, --note says what.")
    ] = ChangeReason.OTHER,
    note: NoteOption = None,
    section: Annotated[str | None, typer.Option(help="The id of the section that it is about.")] = None,
    span: Annotated[str | None, typer.Option(help="The words of the text that it is about.")] = None,
    all_in: SnapshotOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a text changed; the next revision awaits a review again.

    structure, missing and angle make a new outline; facts, tone, wording, length, links and other the article, or with
    --section that section alone; metadata title and description. Your words reach the writer. What people wrote stays,
    but for the section that you name.

    Example: longtail review request-changes 7be1c2d4 3f9a2c01d4e5 --reason tone --section what-you-need
    """
    verdict = Verdict.request_changes(reason, note=note, section=section, span=span)
    _decide(verdict, article_id, content_hash, all_in, key=key, as_json=as_json)


@app.command()
def reject(
    reason: Annotated[RejectReason, typer.Option(help="Why it is not published.")],
    keyword: Annotated[
        KeywordAfter, typer.Option(help="later: it gets another article, after all others; never: it gets none.")
    ],
    article_id: SomeArticle = None,
    content_hash: HashOption = None,
    note: NoteOption = None,
    all_in: SnapshotOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reject a text for good.

    Example: longtail review reject 7be1c2d4 3f9a2c01d4e5 --reason duplicate --keyword never
    """
    verdict = Verdict.reject(reason, keyword, note=note)
    _decide(verdict, article_id, content_hash, all_in, key=key, as_json=as_json)


@app.command()
def edit(
    article_id: ArticleOption,
    content_hash: Annotated[
        str, typer.Argument(metavar="HASH", help="Of the text that you changed, or the first characters of it.")
    ],
    title: Annotated[str | None, typer.Option(help="As search results show it.")] = None,
    description: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    section: Annotated[str | None, typer.Option(help="The id of the section to change.")] = None,
    heading: Annotated[str | None, typer.Option(help="Its new heading.")] = None,
    text: Annotated[Path | None, typer.Option(help="A file with its new text, in Markdown.")] = None,
    changes: Annotated[
        Path | None, typer.Option("--changes", help="All changes as JSON instead, as the API takes them.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Change a text, as a new revision that awaits a review.

    Nobody's text is overwritten: one that was changed since you read it is refused.

    Example: longtail review edit 7be1c2d4 3f9a2c01d4e5 --section what-you-need --text section.md
    """
    wanted = _read_edit(changes) if changes else _edit_of(title, description, section, heading, text)

    async def work(database: Database, by: Principal) -> EditResult:
        found = await resolve_article(database, article_id)
        return await Revisions(database, by=by).edit(found, wanted, parent=content_hash)

    result = with_person(work)
    if as_json:
        print_json(result)
        return
    revision = result.revision
    stored = f"revision {revision.number}, text {revision.content_hash[:12]}"
    found = f"{len(result.findings)} {'finding' if len(result.findings) == 1 else 'findings'}"
    if not result.is_new:
        out.print(f"the text is as it was: {stored}; {found}", markup=False)
    else:
        article = short(revision.article_id)
        out.print(f"{stored}; {found}; it needs a review: longtail review show {article}", markup=False, soft_wrap=True)


@app.command()
def snooze(
    article_id: ArticleOption,
    until: Annotated[str, typer.Option(help="For how long, or until when: 12h, 3d, 2026-12-24T09:00 (UTC).")],
    note: NoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a review off.

    Until then nobody is reminded, and it does not expire.

    Example: longtail review snooze 7be1c2d4 --until 3d
    """
    _decide(Verdict.snooze(_until(until), note=note), article_id, None, None, as_json=as_json)


@app.command()
def park(article_id: ArticleOption, note: NoteOption = None, as_json: JsonOption = False) -> None:
    """Put an article aside until somebody restores it.

    A review that nobody decides on in time is parked too; the site's file says after how long.

    Example: longtail review park 7be1c2d4 --note "until spring"
    """
    _decide(Verdict.park(note=note), article_id, None, None, as_json=as_json)


@app.command()
def withdraw(
    article_id: ArticleOption,
    reason: Annotated[WithdrawReason, typer.Option(help="Why the approval is taken back.")],
    note: NoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an approval back.

    Example: longtail review withdraw 7be1c2d4 --reason error
    """
    _decide(Verdict.withdraw(reason, note=note), article_id, None, None, as_json=as_json)


@app.command()
def restore(article_id: ArticleOption, note: NoteOption = None, as_json: JsonOption = False) -> None:
    """Let a parked or withdrawn article await a review again.

    Approvals are given anew.

    Changes that were requested and not begun are taken back by it too.

    Example: longtail review restore 7be1c2d4
    """
    _decide(Verdict.restore(note=note), article_id, None, None, as_json=as_json)


@app.command()
def waive(
    article_id: ArticleOption,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Of the finding, as the review shows it.")],
    content_hash: Annotated[
        str, typer.Argument(metavar="HASH", help="Of the text that it is in, or the first characters of it.")
    ],
    reason: Annotated[str, typer.Option(help="Why it is acceptable here.")],
    as_json: JsonOption = False,
) -> None:
    """Accept a finding in this text, so that it blocks no approval.

    Example: longtail review waive 7be1c2d4 0 3f9a2c01d4e5 --reason "a quote"
    """

    async def work(application: Application) -> RevisionFinding:
        found = await resolve_article(application.database, article_id)
        return await application.decisions.waive(found, number, expected=content_hash, reason=reason)

    finding = with_application(work)
    if as_json:
        print_json(finding)
    else:
        out.print(f"{finding.rule} is waived by {finding.waived_by}: {finding.waived_reason}", markup=False)


def _decide(
    verdict: Verdict,
    article_id: str | None,
    content_hash: str | None,
    all_in: Path | None,
    *,
    key: str | None = None,
    publish: PublishWish | None = None,
    as_json: bool,
) -> None:
    if (article_id is None) is (all_in is None):
        raise typer.BadParameter("name one ARTICLE with the HASH of its text, or a file with --all-in")
    if all_in is not None:
        snapshots = _read_snapshots(all_in)
        kept_key = key or secrets.token_hex(8)  # a broken connection may have the driver repeat a transaction
        result = with_application(
            lambda application: application.decisions.decide_all(snapshots, verdict, key=kept_key, publish=publish)
        )
        print_bulk(result, as_json=as_json)
        return

    async def work(application: Application) -> Decided:
        found = await resolve_article(application.database, article_id or "")
        return await application.decisions.decide(found, verdict, expected=content_hash, key=key, publish=publish)

    print_decided(with_application(work), as_json=as_json)


def _edit_of(
    title: str | None, description: str | None, section: str | None, heading: str | None, text: Path | None
) -> TextEdit:
    if section is None and (heading is not None or text is not None):
        raise typer.BadParameter("name the section that --heading and --text are for with --section")
    if section is None:
        sections = {}
    else:
        written = read_file(text).decode("utf-8", errors="replace") if text else None
        sections = {section: SectionEdit(heading=heading, text=written)}
    return TextEdit(form=TextForm.MARKDOWN, title=title, description=description, sections=sections)


def _read_edit(file: Path) -> TextEdit:
    try:
        return TextEdit.model_validate_json(read_file(file))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise FileInvalid(str(file), f"{place}: {first['msg']}") from error


def _read_snapshots(file: Path) -> list[Snapshot]:
    try:
        return _SNAPSHOTS.validate_json(read_file(file))
    except ValidationError as error:
        remedy = "it is not what longtail review list --json prints, or holds an article without a text"
        raise FileInvalid(str(file), remedy) from error


def _until(text: str) -> datetime:
    if text[-1:].lower() in "smhd" and text[:1].isdigit():
        try:
            return datetime.now(UTC) + duration(text, "--until")
        except OverflowError as error:
            raise InputInvalid("--until", text, "it is longer than any calendar") from error
    try:
        return moment(text, "--until", "UTC")
    except InputInvalid as error:
        raise InputInvalid("--until", text, "write it as 3d or 12h, as 2026-12-24 or 2026-12-24T09:00") from error
