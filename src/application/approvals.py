"""Approvals: what one needs, and whether it publishes the text.

The last approval of a text adds its publication in the same transaction, by the site's rule or as the approver wishes.
What the rule cannot publish stays approved all the same; what somebody wishes is done as a whole or not at all.
"""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from src.domain.errors import (
    Conflict,
    ConflictReason,
    FindingsBlock,
    Hint,
    InputInvalid,
    LongtailError,
    NotPermitted,
    OwnText,
    SecondPersonMissing,
)
from src.domain.ids import ArticleId
from src.domain.permissions import ALLOWED, Action, Role
from src.domain.principal import Origin, Principal
from src.domain.publishing import PublicationRecord, PublishWish, Wish
from src.domain.review import Decision, approvals_of
from src.domain.revision import Revision
from src.domain.site import OnApproval, ReviewRules
from src.infrastructure.database.reviews import LockedArticle
from src.infrastructure.database.unit_of_work import UnitOfWork

from .publication_requests import Requested, Wanted, add_publication


class NotPublished(BaseModel):
    """Why the site's rule did not publish an approved text.

    Attributes:
        error_type: of the error that asking to publish it raises.
        reason: its code.
        hint: what to do next.
        details: further facts, by name.
    """

    model_config = ConfigDict(frozen=True)

    error_type: str
    reason: str
    message: str
    hint: Hint
    details: dict[str, str] = {}


class Published(BaseModel):
    """What an approval did about publishing; neither: nothing was wanted."""

    model_config = ConfigDict(frozen=True)

    requested: Requested | None = None
    refused: NotPublished | None = None

    @property
    def publication(self) -> PublicationRecord | None:
        """Return the publication of the text, if there is one."""
        return self.requested.publication if self.requested else None


async def prepare_approval(
    uow: UnitOfWork, article_id: ArticleId, wish: PublishWish | None, *, by: Principal
) -> Wanted | None:
    """Return how the last approval publishes the text; None: it does not.

    The site's publications are locked then. Raises NotFound, and NotPermitted, also for a wish of somebody who may not
    publish.
    """
    slug, _ = await uow.reviews.find_site(article_id)
    by.require(Action.REVIEW_APPROVE, slug)
    if wish is not None:
        by.require(Action.PUBLISH_START, slug)
    wanted = wanted_by((await uow.sites.get(slug)).publishing.on_approval, wish)
    if wanted is not None:
        await uow.publications.lock(slug)
    return wanted


def wanted_by(rule: OnApproval, wish: PublishWish | None) -> Wanted | None:
    """Return how an approved text goes out; None: somebody says so later."""
    match rule if wish is None else wish:
        case OnApproval.NOW | Wish.NOW:
            return Wanted()
        case OnApproval.CADENCE | Wish.CADENCE:
            return Wanted(by_cadence=True)
        case datetime() as at:
            return Wanted(at=at)
        case _:
            return None


async def count_missing(
    uow: UnitOfWork,
    article: LockedArticle,
    text: Revision,
    known: Sequence[Decision],
    *,
    by: Principal,
    wish: PublishWish | None,
) -> int:
    """Return how many more people have to approve the text.

    Raises what stands in the way: NotPermitted for a worker, OwnText, FindingsBlock, SecondPersonMissing; and Conflict
    for a wish of somebody who is not the last.
    """
    if by.origin is Origin.WORKER:
        roles = [role.value for role in Role if role in ALLOWED[Action.REVIEW_APPROVE]]
        raise NotPermitted(by.name, Action.REVIEW_APPROVE, site=article.site, roles=roles)
    rules = (await uow.sites.get(article.site)).review
    await _require_other_author(uow, text, rules, by=by)
    found = await uow.findings.list_for_revision(article.id, text.number)
    if blocking := [f"{each.number}: {each.rule}: {each.message}" for each in found if each.blocks]:
        raise FindingsBlock(article.id, blocking)
    given = {each.by: each.at for each in reversed(approvals_of(known, text.content_hash))}
    missing = rules.approvals - len(given.keys() | {by.name})
    if by.name in given and missing > 0:
        raise SecondPersonMissing(article.id, who=by.name, at=given[by.name])
    if wish is not None and missing > 0:  # it would be forgotten until the last one
        raise Conflict(ConflictReason.APPROVALS_MISSING, article.id, hint=Hint.APPROVE_ALONE, count=str(missing))
    return max(missing, 0)


async def publish_approved(
    uow: UnitOfWork, article_id: ArticleId, wanted: Wanted, *, by: Principal, wish: PublishWish | None
) -> Published:
    """Add the publication of a text that was just approved.

    Nothing is recorded. Raises as ``add_publication`` does for what somebody wishes; by the site's rule it is said.
    """
    try:
        async with uow.savepoint():
            return Published(requested=await add_publication(uow, article_id, wanted, by=by))
    except InputInvalid as error:
        if wish is not None:
            raise InputInvalid("publish", _text(wish), error.remedy, reason=error.reason) from error
        return _refused(error, error.reason)
    except Conflict as error:
        if wish is not None:
            error.hint = error.hint if error.hint is Hint.REPEAT else Hint.APPROVE_ALONE
            raise
        return _refused(error, error.reason, error.details)


async def find_published(uow: UnitOfWork, decision: Decision) -> PublicationRecord | None:
    """Return the newest publication that follows from this approval."""
    known = await uow.publications.list_for_article(decision.article_id)
    return next((each for each in known if each.approved_at == decision.at), None)


async def _require_other_author(uow: UnitOfWork, text: Revision, rules: ReviewRules, *, by: Principal) -> None:
    """Raise OwnText where the site forbids it.

    The text holds the person's own words then.
    """
    if rules.self_approval:
        return
    by_number = {each.number: each for each in await uow.revisions.list_for_article(text.article_id)}
    number: int | None = text.number
    while number is not None:
        revision = by_number[number]
        if revision.author == by.name:
            raise OwnText(text.article_id, who=by.name, revision=revision.number)
        number = revision.parent


def _refused(error: LongtailError, reason: str, details: dict[str, str] | None = None) -> Published:
    hint = Hint.PUBLISH if error.hint in (None, Hint.REPEAT) else error.hint
    refused = NotPublished(
        error_type=type(error).__name__, reason=reason, message=error.message, hint=hint, details=details or {}
    )
    return Published(refused=refused)


def _text(wish: PublishWish) -> str:
    return wish.value if isinstance(wish, Wish) else wish.isoformat()
