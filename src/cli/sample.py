"""What ``longtail demo`` and ``longtail dev`` put into an empty home."""

from collections.abc import Sequence
from typing import NamedTuple

from src import examples as example_files
from src.application.keywords import list_unwritten, renew_keywords
from src.application.sample_people import SamplePerson, add_sample_people
from src.application.sites import add_site, list_sites
from src.bootstrap import Application
from src.domain.longtail import Longtail
from src.domain.site import Site
from src.domain.stages import STAGES, Stage
from src.infrastructure.llm.model_choice import OFFLINE, Choice, choose
from src.intake import keyword_list, site_file
from src.settings import Settings

from .connections import os_user_here
from .supervised import await_api
from .terminal import busy, err, out

SITE_FILE = "hardware-shop.toml"
KEYWORDS_FILE = "hardware-shop-keywords.csv"


def read() -> tuple[Site, Sequence[Longtail]]:
    """Return the sample site and its keywords."""
    site = site_file.read(example_files.content(SITE_FILE), file=SITE_FILE)
    keywords = keyword_list.read(example_files.content(KEYWORDS_FILE), file=KEYWORDS_FILE)
    return site, keywords.longtails


def choices(settings: Settings, site: Site) -> dict[Stage, Choice]:
    """Return who writes each stage of the site."""
    return {stage: choose(settings, site, stage) for stage in STAGES}


def is_offline(settings: Settings, site: Site) -> bool:
    """Return whether the offline writer, which costs nothing, writes all."""
    return all(choice.provider == OFFLINE for choice in choices(settings, site).values())


async def start_batch(application: Application, count: int, *, from_first: bool = False) -> str:
    """Return the workflow id of a new or an interrupted batch.

    A new one writes about the next keywords without an article, unless ``from_first``; once all have one, again about
    the first.
    """
    site, known = read()
    database, by = application.database, application.principal
    await add_site(database, site, by=by)
    if running := await application.batches.find_running(site.slug):
        err.print("the last run was interrupted; its batch resumes where it stopped")
        return running.workflow_id
    left = known if from_first else await list_unwritten(database, site.slug, known, by=by)
    longtails = (left or known)[:count]
    await renew_keywords(database, site.slug, longtails, by=by, source=KEYWORDS_FILE)
    started = await application.batches.start(site.slug, limit=len(longtails))
    if not left:
        out.print("every keyword of the sample has its article; they are kept, and others written beside them")
    elif len(left) < len(known):
        out.print(f"{len(known) - len(left)} keywords of the sample have their article; this run writes about the next")
    return started.workflow_id


async def add_people(application: Application) -> list[SamplePerson]:
    """Add two people where nobody is, on this machine's own database.

    A database that DATABASE_URL names is somebody's: nobody gets rights there unasked.
    """
    if application.settings.database_url is not None:
        return []
    return await add_sample_people(
        application.database, by=application.principal, os_user=os_user_here(), passwords=application.passwords
    )


class Furnished(NamedTuple):
    """What was put into a home; nothing where somebody lives already."""

    people: list[SamplePerson] = []  # noqa: RUF012 - never changed
    workflow_id: str | None = None  # of the batch that was started


async def furnish(application: Application) -> Furnished:
    """Give an empty home texts, and two people who read them."""
    people = await add_people(application)
    if not people or await list_sites(application.database, by=application.principal):
        return Furnished(people)
    workflow_id = None
    if is_offline(application.settings, read()[0]):
        workflow_id = await start_batch(application, len(read()[1]))
        out.print("the home was empty: the offline writer, which is not AI, fills the queue with eight articles")
    else:
        out.print("there is no site yet; a sample one with a batch, which your key pays for: longtail demo")
    return Furnished(people, workflow_id)


def say_desk(port: int, people: Sequence[SamplePerson]) -> None:
    """Print the desk's address and who can log in."""
    with busy("starting the API and the desk"):
        is_there = await_api(port)
    if not is_there:
        err.print("the API does not answer yet; its log says why")
    out.print(f"desk         http://127.0.0.1:{port}/desk")
    for person in people:
        out.print(f"             {person.name:8}  {person.password.get_secret_value()}", markup=False)
    if people:
        out.print("These passwords are not shown again; another one: longtail user reset NAME")
    else:
        out.print("A password for it: longtail user reset NAME; the users: longtail user list")
