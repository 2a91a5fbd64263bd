"""Edits a text in place, one section at a time."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, Field

from src.application import editing
from src.application.editing import EditableText, EditPreview
from src.application.revisions import EditResult
from src.domain.article import ArticleStatus
from src.domain.content import Content
from src.domain.edit import TextEdit, TextForm
from src.domain.errors import InputInvalid, TextReplaced
from src.domain.finding import Finding
from src.domain.ids import ArticleId
from src.rendering.marks import marked, marked_text

from ...values import Hash, InArticle
from ..article_words import queries
from ..edited_part import EditedPart, part_of, parts_of
from ..neighbours import LONGEST_INSIDE, keep_place
from ..notices import Notice
from ..sent_forms import read_form
from ..shell import PATH, redirect, render, wants_json, with_query
from ..signed_in import Desk
from ..wording import SEVERITY, plural

router = APIRouter()

Inside = Annotated[str, Query(alias="in", max_length=LONGEST_INSIDE)]
InPart = Annotated[str, Path(max_length=120, pattern=r"^[a-z0-9-]+$")]
_MOST = 600_000  # characters that are read at all; the limits of a text are told beside it
_LINES = ("h1", "title", "description", "tags")


class Sent(BaseModel):
    """What the form of the editor sends.

    Attributes:
        parent: the hash of the text that was edited.
        way: out of a conflict, whose text goes on.
        inside: the queue's filter in which the article is read, as its query.
    """

    model_config = ConfigDict(frozen=True)

    parent: Hash
    inside: str = Field(default="", alias="in", max_length=LONGEST_INSIDE)
    way: Literal["save", "merge", "theirs"] = "save"
    form: TextForm = TextForm.MARKDOWN
    text: str = Field(default="", max_length=_MOST)
    heading: str | None = Field(default=None, max_length=_MOST)
    h1: str = Field(default="", max_length=_MOST)
    title: str = Field(default="", max_length=_MOST)
    description: str = Field(default="", max_length=_MOST)
    tags: str = Field(default="", max_length=_MOST)

    def edit(self, part: EditedPart) -> TextEdit:
        """Return the change of that part."""
        if part.is_head:
            tags = tuple(filter(None, map(str.strip, self.tags.replace("\n", ",").split(","))))
            return TextEdit(h1=self.h1, title=self.title, description=self.description, tags=tags)
        return part.edit(form=self.form, text=self.text, heading=self.heading)


@dataclass(frozen=True)
class Shown:
    """What stands in the fields, and beside them.

    Attributes:
        mine: what somebody wrote, as Markdown, where another text stands in the editor.
        marked: both compared, sanitised.
    """

    lines: dict[str, str]
    heading: str | None
    html: str
    markdown: str
    mine: dict[str, str] | None = None
    marked: Markup | None = None


@router.get("/articles/{article}/edit")
async def list_parts(request: Request, desk: Desk, article: InArticle, inside: Inside = "") -> Response:
    """List what can be edited."""
    text = await editing.get_editable_text(desk.database, article, by=desk.principal)
    parts = parts_of(text.text.content)
    return await render(
        request, "edit_parts.html", section="Queue", text=text, parts=parts, inside=inside, query=queries(inside)
    )


@router.get("/articles/{article}/edit/{part}")
async def open_editor(request: Request, desk: Desk, article: InArticle, part: InPart, inside: Inside = "") -> Response:
    """Show one part to be edited."""
    text = await editing.get_editable_text(desk.database, article, by=desk.principal)
    return await _editor(request, text, part, _shown(text.text.content, part), inside)


@router.post("/articles/{article}/edit/{part}")
async def save_part(request: Request, desk: Desk, article: InArticle, part: InPart) -> Response:
    """Save one part as a new revision, or show both texts."""
    sent = await read_form(request, Sent)
    text = await editing.get_editable_text(desk.database, article, by=desk.principal, base=sent.parent)
    edit = sent.edit(part_of((text.base or text.text).content, part))
    if sent.way != "save":
        return await _choose(request, desk, text, part, sent)
    inside = await keep_place(desk, article, sent.inside)
    try:
        result = await desk.revisions.edit(article, edit, parent=sent.parent, keep_others=True)
    except TextReplaced as error:
        if wants_json(request):
            raise
        return await _conflict(request, desk, article, part, sent, error)
    except InputInvalid as error:
        if wants_json(request):
            raise
        shown = replace(_shown(text.text.content, part), **_typed(sent))
        return await _editor(request, text, part, shown, sent.inside, status=422, problem=error.message)
    to = with_query(f"{PATH}/articles/{article}", **{"in": inside or None})
    return redirect(request, to, _told(result, text))


@router.post("/articles/{article}/edit/{part}/check")
async def check_part(request: Request, desk: Desk, article: InArticle, part: InPart) -> Response:
    """Answer the editor's script what saving would do."""
    sent = await read_form(request, Sent)
    text = await editing.get_editable_text(desk.database, article, by=desk.principal, base=sent.parent)
    edit = sent.edit(part_of((text.base or text.text).content, part))
    preview = await editing.preview_edit(desk.database, article, edit, parent=sent.parent, by=desk.principal)
    changed = part_of(preview.content, part)
    return JSONResponse(
        {
            "newest": text.text.content_hash,
            "is_same": not preview.hunks,
            "words_added": preview.words_added,
            "words_removed": preview.words_removed,
            "gone": [_finding(each) for each in preview.gone],
            "new": [_finding(each) for each in preview.new],
            "kept": preview.kept,
            "html": changed.html or "",
            "markdown": "" if changed.is_head else changed.markdown,
        }
    )


async def _choose(request: Request, desk: Desk, text: EditableText, part: str, sent: Sent) -> Response:
    """Show the newest text in the editor, the writer's beside it."""
    mine = await _preview(desk, text, part, sent)
    newest = text.text.content
    shown = _shown(newest, part)
    marks = _marks(newest, mine.content, part) if sent.way == "merge" else None
    beside = _fields(mine.content, part)
    return await _editor(request, text, part, replace(shown, mine=beside, marked=marks), sent.inside, chosen=sent.way)


async def _conflict(
    request: Request, desk: Desk, article: ArticleId, part: str, sent: Sent, error: TextReplaced
) -> Response:
    """Show the writer's text in the editor, the other's beside it."""
    text = await editing.get_editable_text(desk.database, article, by=desk.principal, base=sent.parent)
    if text.base is None:
        raise error  # a hash that the article never had
    mine = await _preview(desk, text, part, sent)
    shown = _shown(mine.content, part)
    beside = _fields(text.text.content, part)
    marks = _marks(text.base.content, text.text.content, part)
    return await _editor(
        request,
        text,
        part,
        replace(shown, mine=beside, marked=marks),
        sent.inside,
        status=error.status,
        conflict=error,
    )


async def _preview(desk: Desk, text: EditableText, part: str, sent: Sent) -> EditPreview:
    base = text.base or text.text
    edit = sent.edit(part_of(base.content, part))
    return await editing.preview_edit(desk.database, text.article.id, edit, parent=base.content_hash, by=desk.principal)


async def _editor(  # noqa: PLR0913 - what a page shows
    request: Request,
    text: EditableText,
    part: str,
    shown: Shown,
    inside: str,
    *,
    status: int = 200,
    problem: str | None = None,
    conflict: TextReplaced | None = None,
    chosen: str | None = None,
) -> Response:
    return await render(
        request,
        "edit.html",
        status=status,
        section="Queue",
        text=text,
        part=part_of(text.text.content, part),
        parts=parts_of(text.text.content),
        shown=shown,
        problem=problem,
        conflict=conflict,
        chosen=chosen,
        inside=inside,
        query=queries(inside),
        falls=text.article.status is ArticleStatus.APPROVED,
    )


def _shown(content: Content, name: str) -> Shown:
    part = part_of(content, name)
    return Shown(
        lines=_lines(content),
        heading=part.heading,
        html=part.html or "",
        markdown="" if part.is_head else part.markdown,
    )


def _typed(sent: Sent) -> dict[str, Any]:
    """Return the fields as they were sent."""
    lines = {name: getattr(sent, name) for name in _LINES}
    return {"lines": lines, "markdown": sent.text, "html": sent.text, "heading": sent.heading}


def _lines(content: Content) -> dict[str, str]:
    return {
        "h1": content.h1,
        "title": content.title,
        "description": content.description,
        "tags": ", ".join(content.tags),
    }


def _fields(content: Content, name: str) -> dict[str, str]:
    """Return a part as somebody reads and copies it, field by field."""
    part = part_of(content, name)
    if part.is_head:
        return _lines(content)
    heading = {"heading": part.heading} if part.heading is not None else {}
    return heading | {"text": part.markdown}


def _marks(before: Content, after: Content, name: str) -> Markup:
    """Return what differs in a part: sanitised, with ``ins`` and ``del``."""
    old, new = part_of(before, name), part_of(after, name)
    if old.is_head:
        pairs = zip(_lines(before).values(), _lines(after).values(), strict=True)
        return Markup("").join(Markup("<p>{}</p>").format(Markup(marked_text(*pair))) for pair in pairs)  # noqa: S704 - marks are sanitised
    heading = Markup("")
    if old.heading != new.heading:
        heading = Markup("<h3>{}</h3>").format(Markup(marked_text(old.heading or "", new.heading or "")))  # noqa: S704 - likewise
    return heading + Markup(marked(old.html or "", new.html or ""))  # noqa: S704 - likewise


def _finding(finding: Finding) -> dict[str, str]:
    shape, word = SEVERITY[finding.severity]
    return {"shape": shape, "word": word, "message": finding.message}


def _told(result: EditResult, before: EditableText) -> Notice:
    number = result.revision.number
    if not result.is_new:
        return Notice(kind="off", head="Nothing changed", text=f"The text is that of revision {number}; none was made.")
    others = "" if before.base is None else " What others changed in other sections meanwhile is in it."
    found = plural(len(result.findings), "finding") if result.findings else "no finding"
    return Notice(head=f"Saved as revision {number}", text=f"It awaits a review, with {found}.{others}")
