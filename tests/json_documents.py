"""The document that each ``--json`` is declared to print, by command."""

from typing import Any

from src.application.articles import ArticleDetails
from src.application.audit import AuditReport
from src.application.batches import BatchDetails
from src.application.decisions import BulkResult, Decided
from src.application.deploy_check import DeployCheckReport
from src.application.deployments.status import DeployStatus
from src.application.gaps import SlotList
from src.application.keywords import ImportReport, LongtailList
from src.application.passwords import EndedSessions, NewPassword
from src.application.publishing import PublicationResult, Verification
from src.application.reviews import ReviewDetails
from src.application.revisions import EditResult
from src.application.schedule_drift import DriftReport
from src.domain.alert import Alert, SlotAlert
from src.domain.api_token import ApiToken, CreatedToken
from src.domain.article import Article
from src.domain.batch import Batch
from src.domain.deployment_steps import Deployment
from src.domain.difference import Difference
from src.domain.finding import RevisionFinding
from src.domain.hold import Hold
from src.domain.person import Person
from src.domain.publishing import PublicationRecord
from src.domain.review import Comment, Decision, Review
from src.domain.scheduling.backfill import BackfilledSlot, BackfillPlan
from src.domain.scheduling.forecast import Forecast
from src.domain.scheduling.schedule import ScheduleState
from src.domain.site import Site
from src.infrastructure.database.audit import AuditEvent
from src.infrastructure.database.reviews import QueuedReview

DOCUMENTS: dict[str, Any] = {
    "site list": list[Site],
    "site show": Site,
    "keywords import": ImportReport,
    "keywords list": LongtailList,
    "batch list": list[Batch],
    "batch show": BatchDetails,
    "article list": list[Article],
    "article show": ArticleDetails,
    "review list": list[QueuedReview],
    "review show": ReviewDetails,
    "review history": list[Decision],
    "review claim": Review,
    "review assign": Review,
    "review comment": Comment,
    "review waive": RevisionFinding,
    "review approve": Decided,
    "review approve --all-in": BulkResult,
    "review request-changes": Decided,
    "review reject": Decided,
    "review edit": EditResult,
    "review snooze": Decided,
    "review park": Decided,
    "review withdraw": Decided,
    "review restore": Decided,
    "article diff": Difference,
    "publish now": PublicationResult,
    "publish status": list[PublicationRecord],
    "publish undo": list[PublicationRecord],
    "publish off": PublicationResult,
    "publish restore": PublicationResult,
    "publish verify": list[Verification],
    "hold list": list[Hold],
    "schedule list": list[ScheduleState],
    "schedule show": ScheduleState,
    "schedule history": list[AuditEvent],
    "schedule backfill": BackfillPlan,
    "schedule backfill --wait": list[BackfilledSlot],
    "schedule gaps": SlotList,
    "schedule sync": DriftReport,
    "schedule forecast": Forecast,
    "schedule alerts": list[SlotAlert],
    "deploy status": DeployStatus,
    "deploy promote": Deployment,
    "deploy drain": Deployment,
    "deploy rollback": Deployment,
    "alerts": list[Alert],
    "deploy check": DeployCheckReport,
    "user add": Person,
    "user list": list[Person],
    "user show": Person,
    "user role": Person,
    "user disable": Person,
    "user enable": Person,
    "user reset": NewPassword,
    "user log-out": EndedSessions,
    "user token create": CreatedToken,
    "user token list": list[ApiToken],
    "user token revoke": ApiToken,
    "audit export": list[AuditEvent],
    "audit verify": AuditReport,
}
