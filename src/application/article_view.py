"""An article as its page in the desk shows it.

That is the text, what was found in it, what it took, and what follows from an approval.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from src.domain.comparison import Baseline, baselines
from src.domain.content import Content
from src.domain.finding import RevisionFinding
from src.domain.ids import ArticleId, CallId
from src.domain.principal import Principal
from src.domain.publishing import PublicationRecord
from src.domain.review import Decision, DecisionKind
from src.domain.revision import Revision
from src.domain.site import Fact, Link, Site
from src.domain.stages import STAGES, Outline, Stage
from src.infrastructure.database.call_lists import ListedCall
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from src.rendering.search_result import SearchResult, search_result

from .approval_effect import ApprovalEffect, effect_of, site_effect
from .reviews import ReviewDetails, get_review
from .undo import may_be_undone


class StageWork(BaseModel):
    """What one stage took, all its passes together.

    Attributes:
        calls: the model calls, the oldest first.
        seconds: of all calls; None: unknown.
        cost: None: no call has a known price.
    """

    model_config = ConfigDict(frozen=True)

    stage: Stage
    models: tuple[str, ...]
    calls: tuple[CallId, ...]
    input_tokens: int
    output_tokens: int
    seconds: float | None
    cost: Decimal | None


class FactUse(BaseModel):
    """A fact of the site, and where the text uses it.

    Attributes:
        planned: headings of the sections for which the outline cites it.
        times: how often it stands in the text word for word.
    """

    model_config = ConfigDict(frozen=True)

    fact: Fact
    planned: tuple[str, ...]
    times: int


class LinkUse(BaseModel):
    """An address that the text links to.

    ``link`` None: the site does not list it.
    """

    model_config = ConfigDict(frozen=True)

    url: str
    link: Link | None
    times: int


class ArticleView(BaseModel):
    """All that the page of an article shows.

    Attributes:
        shown: the revision that is shown; the newest unless an older one was asked for.
        findings: in that revision, the worst first.
        publications: the newest first.
        compared: what it can be compared with.
        last: this person's last decision, if nobody decided since: it may be undone.
        fallen: this person's approval of an earlier text, which a later one replaced.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    details: ReviewDetails
    site: Site
    shown: Revision
    findings: list[RevisionFinding]
    publications: list[PublicationRecord]
    compared: dict[Baseline, int]
    effect: ApprovalEffect
    stages: list[StageWork]
    facts: list[FactUse]
    links: list[LinkUse]
    last: Decision | None
    fallen: Decision | None
    words: int
    search_result: SearchResult
    workflow_id: str
    now: datetime

    @property
    def is_newest(self) -> bool:
        """Return whether the text is the one that is decided on."""
        return self.shown.number == self.details.text.number

    @property
    def open_errors(self) -> list[RevisionFinding]:
        """Return what stands in the way of an approval."""
        return [each for each in self.details.findings if each.blocks]

    @property
    def publication(self) -> PublicationRecord | None:
        """Return the newest publication of the newest text."""
        its = (each for each in self.publications if each.content_hash == self.details.text.content_hash)
        return next(its, None)

    @property
    def may_undo(self) -> bool:
        """Return whether undoing ``last`` would still be taken."""
        review, status = self.details.review, self.details.article.status
        snoozed_until, publications = review.snoozed_until, self.publications
        return self.last is not None and may_be_undone(
            self.last, status, publications=publications, snoozed_until=snoozed_until, now=self.now
        )

    @property
    def claimed_by(self) -> str | None:
        """Return who looks at it now."""
        review = self.details.review
        is_current = review.claimed_until is not None and review.claimed_until > self.now
        return review.claimed_by if is_current else None


async def read_article_view(
    database: Database, article_id: ArticleId, number: int | None = None, *, by: Principal
) -> ArticleView:
    """Return the article with its newest text, or with revision ``number`` shown.

    Raises NotFound, NotPermitted, and Conflict for an article without a text.
    """
    details = await get_review(database, article_id, by=by)
    article, newest = details.article, details.text
    async with database.unit_of_work() as uow:
        is_newest = number is None or number == newest.number
        shown = newest if is_newest else await uow.revisions.get(article_id, number or 1)
        findings = details.findings if is_newest else await uow.findings.list_for_revision(article_id, shown.number)
        publications = await uow.publications.list_for_article(article_id)
        outline = await uow.stage_outputs.find_artefact(article_id, article.stage_revision, Stage.OUTLINE)
        calls = await uow.call_lists.list_for_article(article_id)
        site = await uow.sites.get(article.site)
        at_site = await site_effect(uow, site, by=by)
    effect = effect_of(
        at_site,
        by=by,
        offline=newest.content.offline,
        blocking=sum(each.blocks for each in details.findings),
        approved_by=details.approvals,
    )
    text, links = _read(shown.content)
    return ArticleView(
        details=details,
        site=site,
        shown=shown,
        findings=findings,
        publications=publications,
        compared=dict(baselines(shown.number, details.revisions, details.decisions, publications, by=by.name)),
        effect=effect,
        stages=_work(calls),
        facts=_facts(site, outline, text),
        links=_links(site, links),
        last=_last_of(details.decisions, by.name),
        fallen=_fallen(details, by.name),
        words=len(text.split()),
        search_result=search_result(shown.content.title, shown.content.description),
        workflow_id=ids.article(article_id),
        now=datetime.now(UTC),
    )


def _read(content: Content) -> tuple[str, list[str]]:
    """Return the visible text, and each address that is linked."""
    from src.quality.fragment import Fragment  # noqa: PLC0415 - an HTML parser, for this page alone

    read = [Fragment(html) for html in (content.introduction, *(each.html for each in content.sections))]
    return " ".join(each.text for each in read), [link for each in read for link in each.links]


def _work(calls: Sequence[ListedCall]) -> list[StageWork]:
    found = []
    for stage in STAGES:
        its = [call for call in calls if call.stage is stage]
        costs = [call.cost_usd for call in its if call.cost_usd is not None]
        lengths = [call.latency_ms for call in its if call.latency_ms is not None]
        found.append(
            StageWork(
                stage=stage,
                models=tuple(dict.fromkeys(call.model for call in its)),
                calls=tuple(call.id for call in its),
                input_tokens=sum(call.input_tokens or 0 for call in its),
                output_tokens=sum(call.output_tokens or 0 for call in its),
                seconds=sum(lengths) / 1000 if lengths else None,
                cost=sum(costs, Decimal(0)) if costs else None,
            )
        )
    return found


def _facts(site: Site, planned: Mapping[str, Any] | None, text: str) -> list[FactUse]:
    sections = Outline.model_validate(planned).sections if planned else ()
    lowered = text.casefold()
    return [
        FactUse(
            fact=fact,
            planned=tuple(each.heading for each in sections if fact.id in each.fact_ids),
            times=lowered.count(fact.text.casefold().rstrip(".")),
        )
        for fact in site.profile.facts
    ]


def _links(site: Site, found: Sequence[str]) -> list[LinkUse]:
    known = {str(link.url).rstrip("/"): link for link in site.profile.links}
    return [LinkUse(url=url, link=known.get(url.rstrip("/")), times=times) for url, times in Counter(found).items()]


def _last_of(decisions: Sequence[Decision], name: str) -> Decision | None:
    return decisions[-1] if decisions and decisions[-1].by == name else None


def _fallen(details: ReviewDetails, name: str) -> Decision | None:
    """Return this person's last approval if a later text took its place."""
    mine = [each for each in details.decisions if each.by == name and each.kind is DecisionKind.APPROVE]
    if not mine or mine[-1].from_hash == details.text.content_hash:
        return None
    return mine[-1]
