"""Sites: listed, described by a form or by their file, removed."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError

from src.application import sites
from src.domain.errors import ChangedMeanwhile, Conflict, FileInvalid
from src.domain.permissions import Action
from src.domain.site import Budget, OnApproval, Profile, PublishingRules, ReviewRules, Site
from src.domain.stages import STAGES
from src.domain.versions import Expected, version_of
from src.intake import site_file
from src.intake.site_toml import written

from ...values import SiteSlug
from ..notices import Notice
from ..sent_forms import read_fields
from ..shell import PATH, redirect, render
from ..signed_in import Desk
from ..site_form import compacted, fields_of, rows_of, tables_of
from ..uploads import Upload
from .keywords import STATUS

router = APIRouter()

_NEW = {"language": "en-GB", "time_zone": "Europe/London", "review.self_approval": "on"}  # all else has a default
_MODELS: dict[str, type[BaseModel]] = {
    "": Site,
    "profile.": Profile,
    "budget.": Budget,
    "review.": ReviewRules,
    "publishing.": PublishingRules,
}
_EXAMPLE = """\
slug = "my-shop"                # in commands and addresses; never changes
name = "My Shop"
base_url = "https://shop.example/guides"
language = "en-GB"
time_zone = "Europe/London"

[profile]
audience = "who reads the articles, and what they know already"

[[profile.facts]]
id = "opening-hours"
text = "The shop is open Monday to Saturday from 8 am to 6 pm."
"""


_DESCRIPTIONS = {
    f"{prefix}{name}": field.description or ""
    for prefix, model in _MODELS.items()
    for name, field in model.model_fields.items()
}
"""What each field is, in the words that also stand in errors."""


@router.get("/sites")
async def list_sites(request: Request, desk: Desk) -> Response:
    """List the sites with what waits there."""
    found = await sites.list_site_standings(desk.database, by=desk.principal)
    return await render(
        request, "sites.html", section="Sites", rows=found, may_add=desk.principal.may(Action.SITE_ADD, None)
    )


@router.get("/new-site")
async def show_new(request: Request, desk: Desk) -> Response:
    """Show the empty form."""
    desk.principal.require(Action.SITE_ADD, None)
    return await _form(request, None, _NEW)


@router.post("/new-site")
async def add_site(request: Request, desk: Desk) -> Response:
    """Add a site, or show all that is wrong at once."""
    desk.principal.require(Action.SITE_ADD, None)
    fields = await read_fields(request)
    try:
        site = Site.model_validate(tables_of(fields, None))
        await sites.create_site(desk.database, site, by=desk.principal)
    except ValidationError as error:
        return await _form(request, None, compacted(fields), problems=site_file.field_problems(error))
    except Conflict as error:
        return await _form(request, None, compacted(fields), problem=error.message, status=409)
    return redirect(request, f"{PATH}/sites/{site.slug}", _added(site))


@router.get("/new-site-file")
async def show_new_file(request: Request, desk: Desk) -> Response:
    """Show where a new site's file is handed in."""
    desk.principal.require(Action.SITE_ADD, None)
    return await _file(request, None, _EXAMPLE)


@router.post("/new-site-file")
async def add_site_file(request: Request, desk: Desk) -> Response:
    """Add a site as its file describes it."""
    desk.principal.require(Action.SITE_ADD, None)
    upload = await Upload.read(request, pasted="the text") or Upload(b"", "the text")
    try:
        site = site_file.read(upload.data, file=upload.name)
        await sites.create_site(desk.database, site, by=desk.principal)
    except (FileInvalid, Conflict) as error:
        return await _file(request, None, _text_of(upload), problem=error, status=error.status)
    return redirect(request, f"{PATH}/sites/{site.slug}", _added(site))


@router.get("/sites/{site}")
async def show_site(request: Request, desk: Desk, site: SiteSlug) -> Response:
    """Show a site and its keywords by status."""
    details = await sites.get_site_details(desk.database, site, by=desk.principal)
    (standing,) = [
        each for each in await sites.list_site_standings(desk.database, by=desk.principal) if each.site.slug == site
    ]
    return await render(
        request,
        "site.html",
        section="Sites",
        site=details.site,
        standing=standing,
        longtails=details.longtails,
        states=STATUS,
        may_update=desk.principal.may(Action.SITE_UPDATE, site),
        may_remove=desk.principal.may(Action.SITE_REMOVE, site),
    )


@router.get("/sites/{site}/edit")
async def show_form(request: Request, desk: Desk, site: SiteSlug) -> Response:
    """Show the form with the site in it."""
    desk.principal.require(Action.SITE_UPDATE, site)
    current = (await sites.get_site_details(desk.database, site, by=desk.principal)).site
    return await _form(request, current, fields_of(current))


@router.post("/sites/{site}/edit")
async def replace_site(request: Request, desk: Desk, site: SiteSlug) -> Response:
    """Replace the description by that of the form, if nobody else did."""
    desk.principal.require(Action.SITE_UPDATE, site)
    current = (await sites.get_site_details(desk.database, site, by=desk.principal)).site
    fields = {**await read_fields(request), "slug": site}
    try:
        wanted = Site.model_validate(tables_of(fields, current))
        await _replace(desk, wanted, fields.get("version", ""))
    except ValidationError as error:
        problems = site_file.field_problems(error)
        return await _form(request, current, compacted(fields), problems=problems, version=fields.get("version"))
    except Conflict as error:
        return await _form(request, current, compacted(fields), problem=error.message, status=409)
    except ChangedMeanwhile:
        return await _form(request, current, compacted(fields), others=_differences(current, wanted), status=412)
    return redirect(request, f"{PATH}/sites/{site}", _saved(wanted))


@router.get("/sites/{site}/file")
async def show_file(request: Request, desk: Desk, site: SiteSlug) -> Response:
    """Show the site's file, to be edited as text."""
    current = (await sites.get_site_details(desk.database, site, by=desk.principal)).site
    desk.principal.require(Action.SITE_UPDATE, site)
    return await _file(request, current, written(current))


@router.get("/sites/{site}/download")
async def download_file(desk: Desk, site: SiteSlug) -> Response:
    """Return the site's file, written by us."""
    current = (await sites.get_site_details(desk.database, site, by=desk.principal)).site
    name = f'attachment; filename="{current.slug}.toml"'
    return Response(written(current), media_type="application/toml", headers={"Content-Disposition": name})


@router.post("/sites/{site}/file")
async def replace_file(request: Request, desk: Desk, site: SiteSlug) -> Response:
    """Replace the description by that of a file, if nobody else did."""
    desk.principal.require(Action.SITE_UPDATE, site)
    current = (await sites.get_site_details(desk.database, site, by=desk.principal)).site
    version = (await read_fields(request)).get("version", "")
    upload = await Upload.read(request, pasted="the text") or Upload(b"", "the text")
    text = _text_of(upload)
    try:
        wanted = _described(upload, site)
        await _replace(desk, wanted, version)
    except (FileInvalid, Conflict) as error:
        return await _file(request, current, text, problem=error, status=error.status, version=version)
    except ChangedMeanwhile:
        return await _file(request, current, text, others=_differences(current, wanted), status=412)
    return redirect(request, f"{PATH}/sites/{site}", _saved(wanted))


@router.get("/sites/{site}/remove")
async def show_removal(request: Request, desk: Desk, site: SiteSlug) -> Response:
    """Show what would go with the site."""
    return await _removal(request, desk, site)


@router.post("/sites/{site}/remove")
async def remove_site(request: Request, desk: Desk, site: SiteSlug) -> Response:
    """Remove the site once its short name was typed."""
    typed = (await read_fields(request)).get("slug", "").strip()
    if typed != site:
        return await _removal(
            request, desk, site, problem=f"Type {site} to remove it; nothing was removed.", status=422
        )
    contents = await sites.remove_site(desk.database, site, by=desk.principal, dry_run=False)
    told = f"With it went {contents.longtails:,} keywords and {contents.articles:,} articles."
    return redirect(request, f"{PATH}/sites", Notice(kind="off", head=f"{site} removed", text=told))


def _described(upload: Upload, slug: str) -> Site:
    """Return the site that the file describes. Raises FileInvalid."""
    described = site_file.read(upload.data, file=upload.name)
    if described.slug != slug:
        raise FileInvalid(upload.name, f"slug: the slug of a site never changes; this one is {slug}")
    return described


async def _replace(desk: Desk, wanted: Site, version: str) -> None:
    expected = Expected(versions=frozenset({version}))
    await sites.replace_site(desk.database, wanted, by=desk.principal, expected=expected)


async def _form(  # noqa: PLR0913 - what a page shows
    request: Request,
    site: Site | None,
    fields: Mapping[str, str],
    *,
    problems: Mapping[str, str] | None = None,
    problem: str | None = None,
    others: list[tuple[str, str, str]] | None = None,
    version: str | None = None,
    status: int | None = None,
) -> Response:
    return await render(
        request,
        "site_form.html",
        status=status or (422 if problems else 200),
        section="Sites",
        site=site,
        fields=fields,
        problems=problems or {},
        problem=problem,
        others=others,
        version=version or (version_of(site) if site else ""),
        facts=rows_of(fields, "facts"),
        links=rows_of(fields, "links"),
        stages=STAGES,
        on_approval=[
            (OnApproval.WAIT.value, "waits until somebody says so"),
            (OnApproval.NOW.value, "goes live at once"),
            (OnApproval.CADENCE.value, "goes live by the daily number below"),
        ],
        descriptions=_DESCRIPTIONS,
    )


async def _file(
    request: Request,
    site: Site | None,
    text: str,
    *,
    problem: FileInvalid | Conflict | None = None,
    others: list[tuple[str, str, str]] | None = None,
    version: str | None = None,
    status: int = 200,
) -> Response:
    return await render(
        request,
        "site_file.html",
        status=status,
        section="Sites",
        site=site,
        text=text,
        refused=problem if isinstance(problem, FileInvalid) else None,
        problem=problem.message if isinstance(problem, Conflict) else None,
        others=others,
        version=version or (version_of(site) if site else ""),
    )


async def _removal(
    request: Request, desk: Desk, site: str, *, problem: str | None = None, status: int = 200
) -> Response:
    contents = await sites.remove_site(desk.database, site, by=desk.principal, dry_run=True)
    details = await sites.get_site_details(desk.database, site, by=desk.principal)
    return await render(
        request,
        "site_remove.html",
        status=status,
        section="Sites",
        site=details.site,
        contents=contents,
        problem=problem,
    )


def _differences(current: Site, wanted: Site) -> list[tuple[str, str, str]]:
    """Return the fields that differ: path, stored value, wanted value."""
    theirs, mine = fields_of(current), fields_of(wanted)
    paths = dict.fromkeys([*theirs, *mine])
    return [(path, theirs.get(path, ""), mine.get(path, "")) for path in paths if theirs.get(path) != mine.get(path)]


def _text_of(upload: Upload) -> str:
    return upload.data.decode("utf-8", "replace").replace("\x00", "�")


def _added(site: Site) -> Notice:
    link = f"{PATH}/keywords/{site.slug}/keyword-list"
    return Notice(head="Site added", text="Next: bring its keywords.", link=link, link_text="Import keywords")


def _saved(site: Site) -> Notice:
    return Notice(head="Saved", text=f"{site.name[:200]}: what articles are made from now on follows it.")
