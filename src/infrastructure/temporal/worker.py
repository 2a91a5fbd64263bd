"""Builds the workers of one colour.

On SIGTERM it takes nothing new and lets its model calls finish. When it is killed, the next worker continues its
articles; no answer that was stored is paid for twice.
"""

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import (
    PollerBehaviorAutoscaling,
    PollerBehaviorSimpleMaximum,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from src.domain.colour import Colour
from src.domain.publishing import PublishUseCase
from src.domain.review import ReviewUseCase
from src.domain.scheduling.ports import ResumeUseCase, WatchdogUseCase
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.call_owner import CallOwner
from src.infrastructure.llm.providers import Providers
from src.infrastructure.llm.time_limits import shutdown_grace
from src.settings import Settings

from . import generation, ids, policies
from .activities.articles import ArticleActivities
from .activities.batches import BatchActivities
from .activities.publishing import PublishingActivities
from .activities.reviews import ReviewActivities
from .activities.schedules import ScheduleActivities
from .activities.stages import StageActivities
from .activities.watchdog import WatchdogActivities
from .errors import TranslatesErrors
from .observed import Observed
from .workflow_gateway import WorkflowGateway
from .workflows.article import ArticleWorkflow
from .workflows.publish import PublishWorkflow
from .workflows.review import ReviewWorkflow
from .workflows.schedule_resume import ScheduleResumeWorkflow
from .workflows.site_batch import ArticleShardWorkflow, SiteBatchWorkflow
from .workflows.watchdog import WatchdogWorkflow

WATCH_WORKFLOWS: list[type] = [ScheduleResumeWorkflow, WatchdogWorkflow]
WORKFLOWS: list[type] = [
    SiteBatchWorkflow,
    ArticleShardWorkflow,
    ArticleWorkflow,
    ReviewWorkflow,
    PublishWorkflow,
    *WATCH_WORKFLOWS,  # those that the version before this began on a colour's queue
]

# An unknown error in workflow code fails the run, where Temporal would retry the task for ever. NondeterminismError is
# left out on purpose: a run that a bad deployment cannot replay waits for the rollback.
FAILING_ERRORS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)

_LOCAL_ACTIVITIES = 16  # as many as the connection pool has by default
_FEW_POLLERS = PollerBehaviorSimpleMaximum(2)  # one for the queue, one for what this worker has cached
_WATCH_TASKS = 4  # at once; a look of the watchdog is one, the end of a pause another


def strict_runner() -> WorkflowRunner:
    """Return the sandbox for tests and replay.

    Workflow modules are imported again for each run, and guarded.

    It refuses clocks, randomness, files and sockets. What a workflow module imports under ``imports_passed_through`` is
    shared and not guarded, so none passes a module of ``workflows``.
    """
    return SandboxedWorkflowRunner()


def create(  # noqa: PLR0913 - each is a part that the composition root made
    client: Client,
    database: Database,
    providers: Providers,
    *,
    schedules: ResumeUseCase,
    watchdog: WatchdogUseCase,
    reviews: ReviewUseCase,
    publications: PublishUseCase,
    settings: Settings,
    colour: Colour,
    owner: CallOwner,
    strict: bool = False,
) -> Worker:
    """Return a worker; nothing is polled before it runs.

    ``strict`` runs workflows in the sandbox, which costs processor time and finds code that is not deterministic
    (docs/decisions/0009).
    """
    stages = StageActivities(database, providers, owner=owner, patience=settings.outage_patience)
    batches = BatchActivities(database, providers, slots=settings.model_slots)
    articles = ArticleActivities(database, WorkflowGateway(client))
    publishing = PublishingActivities(publications)
    return Worker(
        client,
        task_queue=ids.task_queue(colour),
        identity=owner.instance,
        # Begun ahead of the queue, activities would pass by its priorities, and those in it would wait 10 to 24 s on a
        # full worker. Without them an article takes the same CPU: bench, 200 articles at 50 ms, in two pairs of runs.
        disable_eager_activity_execution=True,
        deployment_config=_deployment(owner),
        workflows=WORKFLOWS,
        activities=[
            stages.analyse_keyword,
            stages.plan_outline,
            stages.write_article,
            stages.describe_article,
            batches.check_models,
            batches.open_batch,
            batches.list_articles,
            batches.find_trial,
            batches.open_shard,
            batches.find_ended,
            batches.take_up,
            batches.close_batch,
            articles.save_article,
            articles.record_failure,
            articles.record_cancellation,
            publishing.find_due,
            publishing.carry_out_publication,
            ScheduleActivities(schedules).resume_schedule,
            WatchdogActivities(watchdog).look,
            ReviewActivities(reviews).look_at_review,
        ],
        interceptors=[Observed(owner.telemetry), TranslatesErrors()],  # the first is the outermost
        workflow_runner=strict_runner() if strict else UnsandboxedWorkflowRunner(),
        workflow_failure_exception_types=FAILING_ERRORS,
        max_cached_workflows=settings.cached_workflows,
        max_concurrent_activities=settings.model_slots,
        max_concurrent_local_activities=_LOCAL_ACTIVITIES,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        sticky_queue_schedule_to_start_timeout=settings.scaled(policies.STICKY_TIMEOUT),
        max_heartbeat_throttle_interval=policies.HEARTBEAT_INTERVAL,  # the SDK would hold beats back for longer
        graceful_shutdown_timeout=shutdown_grace(settings),
    )


def create_watch(
    client: Client,
    *,
    schedules: ResumeUseCase,
    watchdog: WatchdogUseCase,
    settings: Settings,
    owner: CallOwner,
    strict: bool = False,
    queue: str = ids.WATCH_QUEUE,
) -> Worker:
    """Return the worker of what belongs to no colour.

    Each worker's process has one. Workers of both colours poll its queue, so its workflows know no generations: they
    keep their commands.
    """
    return Worker(
        client,
        task_queue=queue,
        identity=owner.instance,
        deployment_config=_deployment(owner),
        workflows=WATCH_WORKFLOWS,
        activities=[ScheduleActivities(schedules).resume_schedule, WatchdogActivities(watchdog).look],
        interceptors=[Observed(owner.telemetry), TranslatesErrors()],
        workflow_runner=strict_runner() if strict else UnsandboxedWorkflowRunner(),
        workflow_failure_exception_types=FAILING_ERRORS,
        max_cached_workflows=_WATCH_TASKS,
        max_concurrent_workflow_tasks=_WATCH_TASKS,
        max_concurrent_activities=_WATCH_TASKS,
        max_concurrent_local_activities=_WATCH_TASKS,
        workflow_task_poller_behavior=_FEW_POLLERS,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(1),
        sticky_queue_schedule_to_start_timeout=settings.scaled(policies.STICKY_TIMEOUT),
        graceful_shutdown_timeout=shutdown_grace(settings),
    )


def _deployment(owner: CallOwner) -> WorkerDeploymentConfig:
    return WorkerDeploymentConfig(
        WorkerDeploymentVersion(generation.DEPLOYMENT, generation.build_id(owner.code_version)),
        use_worker_versioning=False,  # task queues route; the build id is only on record
    )
