"""Decisions on texts: one, or many as a list showed them.

A decision keeps its Idempotency-Key itself, so a request that was cut off may be sent again."""

from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import Field

from src.application.decisions import BulkResult, Decided, Snapshot
from src.domain.ids import ArticleId
from src.domain.paging import MAX_PAGE
from src.domain.review import ChangeReason, KeywordAfter, RejectReason, Verdict, WithdrawReason

from .. import examples, values
from ..authentication import Acting
from ..once import KEEPS_KEY, Key, Route
from ..values import Hash, InArticle, Moment, Remark, WhenApproved

router = APIRouter(route_class=Route, tags=["decisions"])


class Remarks(values.Body):
    """What every decision may say."""

    note: Remark | None = Field(default=None, description="Reaches the writer where a text is changed.")


class OnAnyText(Remarks):
    """A decision that need not name the text."""

    content_hash: Hash | None = Field(default=None, description="Only if the newest text is this one.")


class OnText(Remarks):
    """A decision on exactly these bytes."""

    content_hash: Hash = Field(description="Of the text that you read.")


class SeenText(values.Body):
    """A text as a list of reviews showed it."""

    article_id: ArticleId
    content_hash: Hash


class OnTexts(Remarks):
    """A decision on each text that is as it was seen."""

    texts: list[SeenText] = Field(min_length=1, max_length=MAX_PAGE)

    @property
    def snapshots(self) -> list[Snapshot]:
        """Return them as the domain's values."""
        return [Snapshot(**each.model_dump()) for each in self.texts]


class Approval(values.Body):
    """When what is approved goes live."""

    publish: WhenApproved | None = Field(
        default=None,
        description="Not by the site's rule; takes the right to publish. What cannot be published is not approved.",
    )


class Approve(OnText, Approval):
    """An approval."""


class ApproveMany(OnTexts, Approval):
    """An approval of several texts."""


class Changes(values.Body):
    """What is to be changed."""

    reason: ChangeReason = Field(description="Decides which stages write again; with other the note says what.")


class Rejection(values.Body):
    """Why a text is rejected, and what becomes of its keyword."""

    reason: RejectReason
    keyword: KeywordAfter = Field(description="later: it gets another article, after all others; never: it gets none.")


class RequestChanges(OnText, Changes):
    """A request for changes."""

    section: str | None = Field(default=None, max_length=200, description="The only one that is written again.")
    span: Remark | None = Field(default=None, description="The words of the text that it is about.")


class Reject(OnText, Rejection):
    """A rejection."""


class RequestManyChanges(OnTexts, Changes):
    """A request for changes in several texts."""


class RejectMany(OnTexts, Rejection):
    """A rejection of several texts."""


class Snooze(OnAnyText):
    """Until when a review is put off."""

    until: Moment


class Withdraw(OnAnyText):
    """Why an approval is taken back."""

    reason: WithdrawReason


@router.post("/reviews/{article}/approve", openapi_extra=KEEPS_KEY)
async def approve(
    acting: Acting,
    article: InArticle,
    key: Key,
    asked: Annotated[
        Approve,
        Body(
            openapi_examples={
                "by the site's rule": {"value": examples.APPROVAL},
                "and publish it": {"value": examples.APPROVAL_NOW},
                "and publish it at a time": {"value": examples.APPROVAL_AT},
            }
        ),
    ],
) -> Decided:
    """Approve a text, exactly as you read it.

    412 names what replaced it, 409 who decided before. The last approval publishes it where the site's rule says so;
    `not_published` says why it does not."""
    verdict = Verdict.approve(note=asked.note)
    return await acting.decisions.decide(article, verdict, expected=asked.content_hash, key=key, publish=asked.publish)


@router.post("/reviews/{article}/request-changes", openapi_extra=KEEPS_KEY)
async def request_changes(
    acting: Acting,
    article: InArticle,
    key: Key,
    asked: Annotated[RequestChanges, Body(openapi_examples={"another tone": {"value": examples.CHANGES}})],
) -> Decided:
    """Have a text changed; the next revision awaits a review again."""
    verdict = Verdict.request_changes(asked.reason, note=asked.note, section=asked.section, span=asked.span)
    return await acting.decisions.decide(article, verdict, expected=asked.content_hash, key=key)


@router.post("/reviews/{article}/reject", openapi_extra=KEEPS_KEY)
async def reject(
    acting: Acting,
    article: InArticle,
    key: Key,
    asked: Annotated[Reject, Body(openapi_examples={"a duplicate": {"value": examples.REJECTION}})],
) -> Decided:
    """Reject a text for good."""
    verdict = Verdict.reject(asked.reason, asked.keyword, note=asked.note)
    return await acting.decisions.decide(article, verdict, expected=asked.content_hash, key=key)


@router.post("/reviews/{article}/snooze", openapi_extra=KEEPS_KEY)
async def snooze(
    acting: Acting,
    article: InArticle,
    key: Key,
    asked: Annotated[Snooze, Body(openapi_examples={"over the holidays": {"value": examples.SNOOZE}})],
) -> Decided:
    """Put a review off.

    Until then nobody is reminded, and it does not expire."""
    verdict = Verdict.snooze(asked.until, note=asked.note)
    return await acting.decisions.decide(article, verdict, expected=asked.content_hash, key=key)


@router.post("/reviews/{article}/park", openapi_extra=KEEPS_KEY)
async def park(
    acting: Acting,
    article: InArticle,
    key: Key,
    asked: Annotated[OnAnyText, Body(openapi_examples={"until spring": {"value": examples.PARKING}})],
) -> Decided:
    """Put an article aside until somebody restores it."""
    verdict = Verdict.park(note=asked.note)
    return await acting.decisions.decide(article, verdict, expected=asked.content_hash, key=key)


@router.post("/reviews/{article}/withdraw", openapi_extra=KEEPS_KEY)
async def withdraw(
    acting: Acting,
    article: InArticle,
    key: Key,
    asked: Annotated[Withdraw, Body(openapi_examples={"outdated": {"value": examples.WITHDRAWAL}})],
) -> Decided:
    """Take an approval back; its page is taken off."""
    verdict = Verdict.withdraw(asked.reason, note=asked.note)
    return await acting.decisions.decide(article, verdict, expected=asked.content_hash, key=key)


@router.post("/reviews/{article}/restore", openapi_extra=KEEPS_KEY)
async def restore(
    acting: Acting,
    article: InArticle,
    key: Key,
    asked: Annotated[OnAnyText, Body(openapi_examples={"as it is": {"value": {}}})],
) -> Decided:
    """Let a parked or withdrawn article await a review again.

    Changes that were requested and not begun are taken back by it too."""
    verdict = Verdict.restore(note=asked.note)
    return await acting.decisions.decide(article, verdict, expected=asked.content_hash, key=key)


@router.post("/decisions/approve", openapi_extra=KEEPS_KEY)
async def approve_many(
    acting: Acting,
    key: Key,
    asked: Annotated[
        ApproveMany,
        Body(
            openapi_examples={
                "a page of the queue": {"value": examples.APPROVALS},
                "and publish some each day": {"value": examples.APPROVALS_BY_CADENCE},
            }
        ),
    ],
) -> BulkResult:
    """Approve each text that is as it was seen.

    The others are listed, with the reason. 403 if you may approve none of them."""
    verdict = Verdict.approve(note=asked.note)
    return await acting.decisions.decide_all(asked.snapshots, verdict, key=key, publish=asked.publish)


@router.post("/decisions/request-changes", openapi_extra=KEEPS_KEY)
async def request_many_changes(
    acting: Acting,
    key: Key,
    asked: Annotated[RequestManyChanges, Body(openapi_examples={"another tone": {"value": examples.MANY_CHANGES}})],
) -> BulkResult:
    """Have each text changed that is as it was seen.

    The others are listed, with the reason. 403 if you may do it for none of them."""
    verdict = Verdict.request_changes(asked.reason, note=asked.note)
    return await acting.decisions.decide_all(asked.snapshots, verdict, key=key)


@router.post("/decisions/reject", openapi_extra=KEEPS_KEY)
async def reject_many(
    acting: Acting,
    key: Key,
    asked: Annotated[RejectMany, Body(openapi_examples={"duplicates": {"value": examples.REJECTIONS}})],
) -> BulkResult:
    """Reject each text that is as it was seen.

    The others are listed, with the reason. 403 if you may reject none of them."""
    verdict = Verdict.reject(asked.reason, asked.keyword, note=asked.note)
    return await acting.decisions.decide_all(asked.snapshots, verdict, key=key)
