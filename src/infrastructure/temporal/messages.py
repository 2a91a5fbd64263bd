"""Inputs and outputs of workflows and activities.

Only optional fields may be added.

Histories hold them, so a field's name and meaning stay. They are apart from the workflows, so that the sandbox does not
build the models again for each run.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from src.domain.article import ArticleRef, ArticleStatus, Failure
from src.domain.batch import BatchStatus, Trigger
from src.domain.colour import Colour
from src.domain.deployment import Canary
from src.domain.hold import HoldState
from src.domain.ids import ArticleId, BatchId
from src.domain.publishing import PublicationId
from src.domain.stage_failure import Verdict
from src.domain.stages import KeywordAnalysis, Outline, Stage


class Message(BaseModel):
    """Base class: frozen, since a message that was sent does not change."""

    model_config = ConfigDict(frozen=True)


class Alike(Message):
    """Articles that failed alike since the last success."""

    stage: Stage
    error_type: str
    count: int


class Route(Message):
    """Which articles start on another colour than their parent's.

    Of two the one that was decided later counts.
    """

    canary: Canary | None
    decided_at: datetime | None


class PassedOn(Message):
    """What a batch's next run has to know, on whichever colour.

    Articles of the run before may still run. It opens the same batch as it stands, and tries nothing again that ended.
    """

    hold: HoldState = HoldState()
    stop: Failure | None = None  # no article starts any more, for this reason; those that run end
    alike: list[Alike] = []
    successes: int = 0


class SiteBatchInput(Message):
    """Requests one batch.

    Without ``slot`` it is the schedule's nominal time, else the start time.
    """

    site: str
    slot: datetime | None = None  # UTC
    trigger: Trigger = Trigger.SCHEDULE
    limit: int | None = None  # None: the site's articles_per_batch
    force: bool = False  # run a slot again that is done
    passed_on: PassedOn | None = None  # by the run before, which another colour's workers began


class OpenBatch(Message):
    """Requests to open the batch and claim its longtails.

    ``limit`` 0 claims none.
    """

    site: str
    slot: datetime
    trigger: Trigger
    limit: int | None
    force: bool
    is_passed_on: bool = False  # take the batch over as it stands


class OpenedBatch(Message):
    """An open batch, a completed one, or none and the reason."""

    batch_id: BatchId | None
    to_do: int  # articles still to be written; 0 when the slot is done
    positions: int  # one more than the last article's position
    window: int  # articles to run at once: the worker's model slots
    shard_size: int  # passed here and not read by the workflow, so that changing it breaks no replay
    open_shards: int
    refused: str | None = None  # why this slot has no batch at all
    priority: int | None = None  # Temporal's, 1 to 5; None is 3. A backfill runs below today's work
    hold: HoldState | None = None  # it is open but claimed nothing; open it again after the release
    trial: int | None = None  # run so many at once until every model of the site has answered; None: all have


class CloseBatch(Message):
    """Requests to store how a batch ended."""

    batch_id: BatchId
    cancelled: bool = False
    error_type: str | None = None
    error_message: str | None = None
    keep_generating: bool = False  # True: articles under way belong to others, and are not cancelled
    may_stop: bool = False  # True: it ends as stopped, unless key, account, model or its articles are the reason


class BatchReport(Message):
    """The outcome of a batch."""

    batch_id: BatchId
    status: BatchStatus
    total: int
    needs_review: int
    failed: int
    cancelled: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: str  # decimal, priced calls only
    unpriced_calls: int
    error_type: str | None = None
    error_message: str | None = None


class Shard(Message):
    """A range of articles, and how many run at once."""

    batch_id: BatchId
    first: int  # inclusive
    end: int  # exclusive
    window: int
    priority: int | None = None
    share: int | None = None  # the window is one in so many of the colour's slots; None: it is ``window``
    most: int | None = None  # run no more than so many, the first ones
    trial: int | None = None  # as in OpenedBatch
    since: datetime | None = None  # the run began; what was cancelled later is still to be made
    only_generating: bool = False  # none starts: only those that run are waited for
    takes_up: bool = True  # what another run cancels is made all the same; False: a person cancelled it


class OpenedShard(Message):
    """The unfinished articles of a range, and how to run them."""

    articles: list[ArticleRef]
    window: int
    alike: int  # so many articles that end alike stop the batch
    route: Route | None = None


class RecordedFailure(Failure):
    """A failure that is stored, and what it means for the batch."""

    verdict: Verdict = Verdict.ORDINARY


class FindEnded(Message):
    """Asks which of these articles have ended."""

    article_ids: list[ArticleId]


class EndedArticle(Message):
    """An article that ended, whoever ran it."""

    article_id: ArticleId
    status: ArticleStatus
    failure: RecordedFailure | None = None


class AnalyseKeyword(Message):
    """Input of stage A."""

    article: ArticleRef


class PlanOutline(Message):
    """Input of stage B."""

    article: ArticleRef
    analysis: KeywordAnalysis


class WriteArticle(Message):
    """Input of stage C."""

    article: ArticleRef
    outline: Outline


class DescribeArticle(Message):
    """Input of stage D.

    The plan and how the article begins, not its whole text.
    """

    article: ArticleRef
    outline: Outline
    opening: str


class RecordFailure(Message):
    """Requests to store at which stage and why an article failed."""

    article: ArticleRef
    failure: Failure


class ArticleOutcome(Message):
    """How an article ended."""

    article_id: ArticleId
    status: ArticleStatus
    content_hash: str
    words: int


class ContinuedArticle(ArticleRef):
    """An article that goes on with the workers of another colour.

    Those of a generation before 5 read an ArticleRef.
    """

    hold: HoldState
    has_begun: bool  # a stage of it

    @property
    def article(self) -> ArticleRef:
        """Return it as stages know it."""
        return ArticleRef(article_id=self.article_id, site=self.site, keyword=self.keyword, revision=self.revision)


class ReviewInput(Message):
    """The article that awaits a review."""

    article_id: ArticleId
    site: str
    keyword: str


class ResumeSchedule(Message):
    """Requests to end the pause that ends at ``due`` (UTC)."""

    site: str
    due: datetime


class PublishArticle(Message):
    """Requests to carry out the publications of an article."""

    article_id: ArticleId


class CarryOut(Message):
    """Requests to publish something, or to take it off."""

    publication_id: PublicationId


class HandOver(Message):
    """Requests to go on with the workers of another colour."""

    colour: Colour
