"""The open database and Temporal, with the use cases of who acts.

Temporal's library takes half a second to import, which commands that need only the database do not pay: it is imported
where Temporal is opened.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from src.application.articles import Articles
from src.application.backfills import Backfills
from src.application.batches import Batches
from src.application.calendar import Calendar
from src.application.decisions import Decisions
from src.application.deployments import Deployments, Pace
from src.application.forecasts import Forecasts
from src.application.gaps import GapReport
from src.application.holds import Holds
from src.application.publication_watch import PATIENCE as PUBLICATION_PATIENCE
from src.application.publication_watch import PublicationWatch
from src.application.review_steps import ReviewSteps
from src.application.review_watch import PATIENCE as REVIEW_PATIENCE
from src.application.review_watch import ReviewWatch
from src.application.reviews import Reviews
from src.application.schedule_drift import ScheduleDrift
from src.application.schedules import Schedules
from src.application.sessions import Sessions
from src.application.slot_watch import SlotWatch
from src.application.undo import Undo
from src.application.unfinished_watch import IsGone, UnfinishedWatch
from src.application.watchdog import Watchdog
from src.domain.alert import PATIENCE, SHORTEST_OVERDUE
from src.domain.principal import Authentication, Principal
from src.domain.publishing import Target, TargetName
from src.domain.scheduling.slot_evidence import GRACE, WATCHDOG_INTERVAL
from src.domain.site import Site
from src.infrastructure.authentication.passwords import Passwords
from src.infrastructure.authentication.tokens import TokenAuthentication
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from src.settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Client

    from src.application.deploy_check import DeployCheck
    from src.application.publishing import Publishing
    from src.application.revisions import Revisions
    from src.infrastructure.temporal.colour_gateway import ColourGateway
    from src.infrastructure.temporal.schedule_gateway import ScheduleGateway
    from src.infrastructure.temporal.schedule_times import ScheduleTimes
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway
from .code import describe_code
from .servers import Servers, open_database, started
from .telemetry import ProcessTelemetry


@dataclass(frozen=True)
class Application:
    """The open database and Temporal, with their use cases.

    Attributes:
        principal: who acts, and within which bounds.
        passwords: what verifies them; one for the process, whoever acts.
        telemetry: what this process tells of its work.
    """

    settings: Settings
    database: Database
    client: "Client"
    server: TemporalServer
    principal: Principal
    passwords: Passwords = field(default_factory=Passwords)
    telemetry: ProcessTelemetry = field(default_factory=ProcessTelemetry)

    @property
    def who(self) -> str:
        """Return who acts, by the name in the audit trail."""
        return self.principal.name

    def acting_as(self, principal: Principal) -> "Application":
        """Return the same, with another who acts: for one request or command."""
        return replace(self, principal=principal)

    @property
    def temporal_ui_url(self) -> str | None:
        """Return the address of Temporal's web UI, None if unknown."""
        return self.server.ui_url

    @property
    def namespace(self) -> str:
        """Return Temporal's namespace."""
        return self.client.namespace

    @property
    def is_local(self) -> bool:
        """Return whether Temporal is embedded.

        Its workers then share this machine's settings.
        """
        return self.server.pid is not None

    @cached_property
    def workflows(self) -> "WorkflowGateway":
        """Return the workflows of batches and articles, as Temporal knows them."""
        from src.infrastructure.temporal.workflow_gateway import WorkflowGateway  # noqa: PLC0415 - see above

        return WorkflowGateway(self.client)

    @cached_property
    def colours(self) -> "ColourGateway":
        """Return the work of the colours, as Temporal has it."""
        from src.infrastructure.temporal.colour_gateway import ColourGateway  # noqa: PLC0415 - see above

        return ColourGateway(self.client)

    @cached_property
    def deployments(self) -> Deployments:
        """Return the use cases of deployments."""
        pace = Pace.scaled(self.settings.scaled)
        return Deployments(self.database, self.colours, self.workflows, self.schedules, by=self.principal, pace=pace)

    @property
    def deploy_check(self) -> "DeployCheck":
        """Return the check of this code before it is deployed."""
        from src.application.deploy_check import DeployCheck  # noqa: PLC0415 - for deployments alone
        from src.infrastructure.temporal.replays import Replays  # noqa: PLC0415 - likewise

        return DeployCheck(self.database, Replays(self.client), describe_code(self.settings), by=self.principal)

    @cached_property
    def batches(self) -> Batches:
        """Return the use cases of batches."""
        # Only workers on this machine are known to have our settings.
        check_models = self._check_models if self.is_local else None
        return Batches(self.database, self.workflows, by=self.principal, check_models=check_models)

    @cached_property
    def articles(self) -> Articles:
        """Return the use cases of articles."""
        return Articles(self.database, self.workflows, by=self.principal)

    @cached_property
    def revisions(self) -> "Revisions":
        """Return the use cases of texts."""
        from src.application.revisions import Revisions  # noqa: PLC0415 - rules and renderers, for editors alone

        return Revisions(self.database, by=self.principal)

    @cached_property
    def publishing(self) -> "Publishing":
        """Return the use cases of publications."""
        from src.application.publishing import Publishing  # noqa: PLC0415 - rules and renderers, for publishers alone

        return Publishing(self.database, self.workflows, self.targets, by=self.principal)

    def targets(self, site: str, target: TargetName) -> Target:
        """Return the target of the site: where its pages go."""
        from src.infrastructure.publishing.folder import FolderTarget  # noqa: PLC0415 - likewise

        assert target is TargetName.FOLDER  # noqa: S101 - there is no other
        return FolderTarget(self.settings.publish_folder or self.settings.home / "published", site)

    @cached_property
    def holds(self) -> Holds:
        """Return the use cases of holds."""
        return Holds(self.database, self.workflows, by=self.principal)

    @cached_property
    def authentication(self) -> Authentication:
        """Return what finds out who a token belongs to."""
        return TokenAuthentication(self.database)

    @cached_property
    def sessions(self) -> Sessions:
        """Return the use cases of who logs in and out."""
        return Sessions(self.database, self.passwords)

    async def _check_models(self, site: Site) -> None:
        from src.infrastructure.llm.providers import Providers  # noqa: PLC0415 - the libraries of the model providers

        async with Providers(self.settings) as providers:
            await providers.check(site)

    @cached_property
    def schedules(self) -> Schedules:
        """Return the use cases of schedules."""
        return Schedules(self.database, self._schedule_gateway, self._schedule_times, by=self.principal)

    @cached_property
    def schedule_drift(self) -> ScheduleDrift:
        """Return the comparison of Temporal's schedules with the desired ones."""
        return ScheduleDrift(self.database, self._schedule_gateway, self.schedules, by=self.principal)

    @cached_property
    def backfills(self) -> Backfills:
        """Return the use cases of backfills."""
        return Backfills(self.database, self._schedule_gateway, self._schedule_times, self.workflows, by=self.principal)

    @cached_property
    def forecasts(self) -> Forecasts:
        """Return the forecasts of schedules."""
        return Forecasts(self.database, self._schedule_times, by=self.principal)

    @cached_property
    def gaps(self) -> GapReport:
        """Return the report of slots."""
        from src.infrastructure.temporal.run_history import RunHistory  # noqa: PLC0415 - see above

        return GapReport(
            self.database,
            self._schedule_gateway,
            self._schedule_times,
            RunHistory(self.client),
            by=self.principal,
            every=self.settings.scaled(WATCHDOG_INTERVAL),
            grace=self.settings.scaled(GRACE),
        )

    @cached_property
    def calendar(self) -> Calendar:
        """Return the slots of a month."""
        return Calendar(self.database, self.gaps, self._schedule_times, by=self.principal)

    @cached_property
    def reviews(self) -> Reviews:
        """Return the use cases of reviews that decide nothing."""
        return Reviews(self.database, by=self.principal)

    @cached_property
    def decisions(self) -> Decisions:
        """Return the use cases that decide about texts."""
        return Decisions(self.database, self.workflows, by=self.principal)

    @cached_property
    def undo(self) -> Undo:
        """Return the use case that takes decisions back."""
        return Undo(self.database, self.workflows, by=self.principal)

    @property
    def review_steps(self) -> ReviewSteps:
        """Return the steps of reviews that the worker takes."""
        from src.infrastructure.temporal.policies import REVIEW_HISTORY  # noqa: PLC0415 - see above

        return ReviewSteps(self.database, by=self.principal, longest_history=REVIEW_HISTORY)

    def watchdog(self, *, is_gone: IsGone) -> Watchdog:
        """Return the check of all sites that a worker runs.

        ``is_gone`` is its proof that another is dead.
        """
        reviews = ReviewWatch(self.database, self.workflows, patience=self.settings.scaled(REVIEW_PATIENCE))
        unfinished = UnfinishedWatch(
            self.database,
            self.workflows,
            is_gone=is_gone,
            overdue_factor=self.settings.overdue_factor,
            patience=self.settings.scaled(PATIENCE),
            shortest_overdue=self.settings.scaled(SHORTEST_OVERDUE),
        )
        slots = SlotWatch(self.database, self._schedule_gateway, self._schedule_times, self.gaps)
        publications = PublicationWatch(
            self.database, self.workflows, patience=self.settings.scaled(PUBLICATION_PATIENCE)
        )
        return Watchdog(self.database, slots, unfinished, reviews, publications)

    @cached_property
    def _schedule_gateway(self) -> "ScheduleGateway":
        from src.infrastructure.temporal.schedule_gateway import ScheduleGateway  # noqa: PLC0415 - see above

        return ScheduleGateway(self.client)

    @cached_property
    def _schedule_times(self) -> "ScheduleTimes":
        from src.infrastructure.temporal.schedule_times import ScheduleTimes  # noqa: PLC0415 - see above

        return ScheduleTimes(self.client)


@asynccontextmanager
async def open_application(
    settings: Settings,
    servers: Servers | None = None,
    *,
    principal: Principal,
    identity: str | None = None,
    telemetry: ProcessTelemetry | None = None,
) -> AsyncIterator[Application]:
    """Yield the use cases of ``principal`` on an open database and Temporal.

    ``identity`` is what Temporal shows of this client; by default its process and host. Raises as ``open_database``
    does, and EngineUnavailable when Temporal cannot be used.
    """
    from src.infrastructure.temporal.client import connect  # noqa: PLC0415 - see above

    async with (
        started(settings, servers, with_temporal=True) as used,
        open_database(settings, used, by=principal) as database,
    ):
        assert used.temporal is not None  # noqa: S101 - it was asked for
        telemetry = telemetry or ProcessTelemetry()
        client = await connect(
            used.temporal.address,
            identity=identity,
            runtime=telemetry.runtime,
            interceptors=telemetry.interceptors,
            keys=settings.payload_keys,
        )
        yield Application(settings, database, client, used.temporal, principal, telemetry=telemetry)
