"""Adds publications of approved texts, in a transaction of the caller's.

The caller has locked the site's publications, and that before any article: all who publish lock in this order.
"""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from src.domain.article import ArticleStatus
from src.domain.content import Approval, Publication
from src.domain.errors import Conflict, ConflictReason, Hint
from src.domain.ids import ArticleId
from src.domain.permissions import Action
from src.domain.person import public_name
from src.domain.principal import Principal
from src.domain.publishing import ApprovedText, PublicationRecord, PublicationStatus, TargetName
from src.domain.review import approvals_of
from src.domain.revision import Revision
from src.infrastructure.database.unit_of_work import UnitOfWork
from src.rendering import RENDERER_VERSION

from .publication_times import due_at
from .revisions import ensured

_THERE_OR_COMING = (
    PublicationStatus.SCHEDULED,
    PublicationStatus.PUBLISHING,
    PublicationStatus.PUBLISHED,
    PublicationStatus.VERIFIED,
)


class Wanted(BaseModel):
    """How somebody wants an approved text to go out.

    Attributes:
        at: when, in UTC; None: as soon as it can no longer be undone.
        by_cadence: when the site's cadence has room, instead of a time.
        forced: why text of the offline writer goes out all the same.
        as_rendered: as this version renders the page, though another version showed it.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime | None = None
    by_cadence: bool = False
    forced: str | None = None
    as_rendered: bool = False
    target: TargetName = TargetName.FOLDER


class Requested(BaseModel):
    """What became of a request.

    Attributes:
        is_new: whether it was added; else it was there or on its way.
        before: what the target had before.
    """

    model_config = ConfigDict(frozen=True)

    publication: PublicationRecord
    is_new: bool
    before: PublicationRecord | None = None


async def add_publication(uow: UnitOfWork, article_id: ArticleId, wanted: Wanted, *, by: Principal) -> Requested:
    """Schedule the approved text, with its page.

    One of an older text that waits is undone; what is there or on its way already is left as it is. Nothing is
    recorded. Raises NotFound, InputInvalid for the time, and Conflict by its reason: not approved, offline text,
    renderer changed, address taken, publication under way.
    """
    from src.rendering import page  # noqa: PLC0415 - templates take long to load, and few commands need them

    article = await uow.articles.get(article_id)
    revision = await ensured(uow, article_id)
    approved = await approved_text(uow, revision)
    _require_publishable(revision, approved, wanted)
    if known := await find_same(uow, article.site, revision, wanted.target):
        return Requested(publication=known, is_new=False)
    site = await uow.sites.get(article.site)
    due = await due_at(uow, site, wanted.target, at=wanted.at, by_cadence=wanted.by_cadence)
    before = await uow.publications.find_last_out(article_id, wanted.target)
    dates = _dates(revision, due, before)
    html = page.render(revision.content, Approval(reviewer=approved.reviewer, at=approved.at), dates)
    publication = await uow.publications.add(
        html.encode(),
        article_id=article_id,
        site=article.site,
        target=wanted.target,
        revision=revision.number,
        content_hash=revision.content_hash,
        path=revision.content.slug,
        canonical=dates.canonical,
        reviewer=approved.reviewer,
        approved_at=approved.at,
        requested_by=by.name,
        forced=wanted.forced if revision.content.offline else None,
        due_at=due,
        published_at=dates.published_at,
        modified_at=dates.modified_at,
    )
    return Requested(publication=publication, is_new=True, before=before)


async def approved_text(uow: UnitOfWork, newest: Revision) -> ApprovedText:
    """Return who approved the newest text. Raises Conflict if nobody did."""
    article_id = newest.article_id
    status = await uow.articles.get_status(article_id)
    given = approvals_of(await uow.decisions.list_for_article(article_id), newest.content_hash)
    if status is not ArticleStatus.APPROVED or not given:
        raise Conflict(ConflictReason.NOT_APPROVED, article_id, hint=Hint.SHOW_REVIEW)
    last = given[-1]
    return ApprovedText(
        article_id=article_id,
        content_hash=newest.content_hash,
        reviewer=public_name(last.by, await uow.users.find(last.by)),
        at=last.at.astimezone(UTC),
        renderer_version=last.renderer_version,
    )


async def find_same(uow: UnitOfWork, site: str, revision: Revision, target: TargetName) -> PublicationRecord | None:
    """Return the publication of this text, there or on its way.

    One of an older text is undone; one that was read back and differs goes out again. Raises Conflict while the target
    is being asked, and when another article has the address.
    """
    article_id = revision.article_id
    known = await uow.publications.list_for_article(article_id, target=target)
    for each in known:
        is_damaged = each.status is PublicationStatus.PUBLISHED and each.problem is not None
        if each.content_hash == revision.content_hash and each.status in _THERE_OR_COMING and not is_damaged:
            return each
    refuse_open(article_id, known, PublicationStatus.PUBLISHING, PublicationStatus.TAKING_OFF)
    await undo_scheduled(uow, article_id)
    other = await uow.publications.find_other_at(article_id, site, target, revision.content.slug)
    if other is not None:
        raise Conflict(
            ConflictReason.ADDRESS_TAKEN,
            article_id,
            hint=Hint.FREE_ADDRESS,
            other=str(other.article_id),
            address=other.canonical,
        )
    return None


async def undo_scheduled(uow: UnitOfWork, article_id: ArticleId) -> list[PublicationRecord]:
    """End what is scheduled of the article and not begun; return it."""
    scheduled = await uow.publications.list_open(article_id)
    undone = [await uow.publications.undo(each.id) for each in scheduled]
    return [each for each in undone if each]


def refuse_open(article_id: ArticleId, known: list[PublicationRecord], *statuses: PublicationStatus) -> None:
    """Raise Conflict while one of the publications has such a status."""
    for each in known:
        if each.status in statuses:
            described = each.status.replace("_", " ")
            raise Conflict(ConflictReason.PUBLICATION_UNDER_WAY, article_id, status=described, hint=Hint.REPEAT)


async def record(
    uow: UnitOfWork,
    action: Action,
    publication: PublicationRecord,
    *,
    by: Principal,
    before: PublicationRecord | None = None,
) -> None:
    """Add what was done to a publication to the audit trail."""
    await uow.audit.record(
        action,
        str(publication.article_id),
        by=by,
        site=publication.site,
        before=before.state if before else None,
        after=publication.state,
    )


def _require_publishable(revision: Revision, approved: ApprovedText, wanted: Wanted) -> None:
    article_id = revision.article_id
    if revision.content.offline and wanted.forced is None:
        raise Conflict(ConflictReason.OFFLINE_TEXT, article_id, hint=Hint.FORCE_PUBLICATION)
    if approved.renderer_version != RENDERER_VERSION and not wanted.as_rendered:
        showed = approved.renderer_version or "another"
        problem = f"renderer {showed} showed it, this is renderer {RENDERER_VERSION}"
        raise Conflict(ConflictReason.RENDERER_CHANGED, article_id, problem=problem, hint=Hint.PUBLISH_AS_RENDERED)


def _dates(revision: Revision, due: datetime, before: PublicationRecord | None) -> Publication:
    """Return the page's dates: only the second moves with the text."""
    moment = due.replace(microsecond=0)
    is_same = before is not None and before.content_hash == revision.content_hash
    return Publication(
        published_at=before.published_at if before else moment,
        modified_at=before.modified_at if before and is_same else moment,
        canonical=revision.content.address,
    )
