"""Timeouts and retries of activities, and other limits, each with its reason.

Model SDKs never retry: Temporal does. Workflow code reads these values directly: it reads no settings, so that all
workers of a version behave alike, and no factor scales them. Replay does not compare timeouts and retries, so they may
change between versions.
"""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType


class ModelPolicy(TypedDict):
    """Options of an activity that waits for a model."""

    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


class ShortPolicy(TypedDict):
    """Options of an activity that takes a moment."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy


# Long, so that neither a stalled event loop nor a silent server causes a second attempt: other workers take over from
# one that is proven dead, within about a second.
MODEL_HEARTBEAT = timedelta(seconds=60)
HEARTBEAT_INTERVAL = timedelta(seconds=3)  # also how soon an attempt hears that it was cancelled

UNKNOWN_ATTEMPTS = 3  # of a step that fails by an error outside our tree, which is a defect; then it is on record

# No time is counted that a stage waits in the queue: a busy or absent worker makes work wait, never fail. Attempts are
# not limited either: rows count what went wrong (domain.stage_failure), since most attempts only waited.
MODEL_STAGE = ModelPolicy(
    # Four calls of 16,000 tokens at 4 tokens/s, the slowest server that is accepted, each with 30 s. The adapters' own
    # limit of a call names the reason; heartbeats tell a dead worker.
    start_to_close_timeout=timedelta(seconds=4 * (16_000 // 4 + 30)),
    heartbeat_timeout=MODEL_HEARTBEAT,
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=2)),
    # A cancelled call reports its cost before the workflow continues.
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)

MODEL_CHECK = ShortPolicy(
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(minutes=15),  # outlasts a restart of the database or a provider's short outage
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
)

# Local: each is one short transaction, so a round trip through the server would cost more than the work, and it never
# waits behind model calls for a slot. It is retried until the database answers: no outcome is lost to an outage.
DATABASE = ShortPolicy(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(days=1),
    # A second at most, so that work goes on as soon as the database does.
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=1)),
)

# Local as well: a page must not wait behind model calls for a slot. A target that cannot be used is tried for a week,
# each time looking first for what the attempt before may have done.
PUBLISHING = ShortPolicy(
    start_to_close_timeout=timedelta(minutes=1),
    schedule_to_close_timeout=timedelta(days=7),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30)),
)

SCHEDULE = ShortPolicy(  # a few calls to Temporal and one transaction; it is retried until both answer
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(days=1),
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
)

# After a worker dies its cached workflows wait this long before any worker may take them; the SDK's default is 10 s.
STICKY_TIMEOUT = timedelta(seconds=1)

RETRY_AFTER_JITTER = 0.25  # else a whole batch wakes in the same second

SHARD_SIZE = 300  # longtails a parent works through; history and pending children stay far below Temporal's limits
OPEN_SHARDS = 2  # the second fills the slots that the first one's last articles leave free

TRIAL_ARTICLES = 3  # begin while a model of the site has never answered: a mistake is paid for by so many
ALIKE_FAILURES = 3  # at one stage with one type and no success between: two may be an accident

# Articles that another run began are looked for by rows: soon at first, then every so often, later by the share of the
# time waited by looking, so that a history grows with its logarithm (docs/decisions/0013).
SHORTEST_LOOK, LONGEST_LOOK = timedelta(seconds=2), timedelta(seconds=30)
LOOK_SHARE = 10  # of the time waited, until the longest; a tenth of that share beyond it
STOP_PATIENCE = timedelta(seconds=10)  # of an article that was asked to stop; its call hears of it by a heartbeat
FIRST_RETRY_OF_START = timedelta(seconds=4)  # of an article whose workflow may be gone; then four times as long

REVIEW_HISTORY = 500  # events; a review that was touched so often begins a new history, far below Temporal's 4,096
SHORTEST_WAIT = timedelta(seconds=1)  # of a review's timer: the database's clock may be a little ahead of Temporal's
REDO_LOOK = timedelta(minutes=1)  # how often a review looks for the end of an article that another run makes

LARGEST_ARTEFACT_BYTES = 256 * 1024  # in history; Temporal warns at 512 KB and refuses at 2 MB

ORDINARY_PRIORITY = 3  # Temporal's default, of 1 to 5
REDO_PRIORITY = 2  # what a reviewer asked for goes before scheduled work: somebody waits for it
BACKFILL_PRIORITY = 5  # Temporal's lowest, so that today's articles are dispatched first
