"""Approved texts without a review, a folder to publish to, and what stands in it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from src.application.publication_runs import PublicationRuns
from src.application.publishing import Publishing
from src.application.revisions import Revisions, ensure_revision
from src.bootstrap import Application
from src.domain.article import ArticleStatus
from src.domain.edit import TextEdit
from src.domain.ids import ArticleId
from src.domain.principal import Principal
from src.domain.review import DecisionKind
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.publishing.folder import FolderTarget

from .finished_articles import SITE, finished_articles, save


@dataclass(frozen=True)
class ApprovedArticle:
    """An article whose newest text is approved."""

    article_id: ArticleId
    content_hash: str


async def approve(database: Database, article_id: ArticleId) -> ApprovedArticle:
    """Let Ida approve the newest text of the article."""
    revision = await ensure_revision(database, article_id)
    async with database.unit_of_work() as uow:
        await uow.decisions.add(
            article_id,
            DecisionKind.APPROVE,
            by="ida@here",
            revision=revision.number,
            from_status=ArticleStatus.NEEDS_REVIEW,
            to_status=ArticleStatus.APPROVED,
            from_hash=revision.content_hash,
            to_hash=revision.content_hash,
        )
        await uow.articles.decide(article_id, ArticleStatus.APPROVED)
    return ApprovedArticle(article_id, revision.content_hash)


async def approved_articles(database: Database, count: int = 1, **rules: Any) -> list[ApprovedArticle]:
    """Articles of one site, approved; publications can be undone for as long as ``rules`` say."""
    refs = await finished_articles(database, count)
    await set_rules(database, **({"undo": "0s"} | rules))
    for ref in refs:
        await save(database, ref)
    return [await approve(database, ref.article_id) for ref in refs]


async def set_rules(database: Database, **rules: Any) -> None:
    async with database.unit_of_work() as uow:
        site = await uow.sites.get(SITE)
        await uow.sites.upsert(Site.model_validate(site.model_dump(mode="json") | {"publishing": rules}))


async def edited_and_approved(database: Database, before: ApprovedArticle, **lines: str) -> ApprovedArticle:
    """Another text of the article, approved too."""
    edit = TextEdit.model_validate(lines)
    await Revisions(database, by=Principal.owner("ben")).edit(before.article_id, edit, parent=before.content_hash)
    return await approve(database, before.article_id)


class PublishedFolder:
    """The folder of a site, as a web server would read it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / SITE
        self.target = FolderTarget(root, SITE)

    @property
    def pages(self) -> dict[str, str]:
        return {file.stem: file.read_text("utf-8") for file in sorted(self.path.glob("*.html"))}

    @property
    def listed(self) -> dict[str, str]:
        """Last change by address, as the sitemap says."""
        root = ElementTree.fromstring(self.path.joinpath("sitemap.xml").read_bytes())  # noqa: S314 - ours
        urls = [[(field.text or "") for field in url] for url in root]
        return {url[0]: url[1] for url in urls}

    @property
    def entries(self) -> dict[str, str]:
        """Title by address, as the feed says."""
        atom = "{http://www.w3.org/2005/Atom}"
        root = ElementTree.fromstring(self.path.joinpath("feed.xml").read_bytes())  # noqa: S314 - ours
        found = {}
        for entry in root.iter(f"{atom}entry"):
            link = entry.find(f"{atom}link")
            assert link is not None
            found[link.attrib["href"]] = entry.findtext(f"{atom}title") or ""
        return found

    def is_consistent(self) -> bool:
        """Whether sitemap and feed list exactly the pages that may be indexed, and nothing else lies about."""
        pages = {f"https://shop.example/{slug}" for slug, html in self.pages.items() if "noindex" not in html}
        files = {file.name for file in self.path.iterdir()} - {f"{slug}.html" for slug in self.pages}
        return pages == set(self.listed) == set(self.entries) and files == {"sitemap.xml", "feed.xml"}

    def canonical_of(self, slug: str) -> str:
        (found,) = re.findall(r'<link rel="canonical" href="([^"]*)">', self.pages[slug])
        return str(found)


class Publisher:
    """Publications as Petra asks for them, and as a worker carries them out, without a workflow."""

    def __init__(self, application: Application, folder: PublishedFolder) -> None:
        self.database = application.database
        self.folder = folder
        self.requests = Publishing(
            application.database,
            application.workflows,
            lambda site, _: FolderTarget(folder.root, site),
            by=Principal.owner("petra"),
        )
        self.runs = PublicationRuns(application.database, lambda site, _: FolderTarget(folder.root, site))

    async def carry_out(self, approved: ApprovedArticle, runs: PublicationRuns | None = None) -> None:
        """Do what is due, as the workflow does."""
        runs = runs or self.runs
        while (step := await runs.look(approved.article_id)).due:
            for publication_id in step.due:
                await runs.carry_out(publication_id)
