"""The tables, by noun.

Their unique keys make every step of a batch safe to repeat.
"""

from .answering_models import AnsweringModelRow
from .articles import ArticleRow, BatchArticleRow, StageFailureRow, StageOutputRow
from .audit import AuditEventRow
from .base import Table
from .batches import BatchRow
from .deployments import DeploymentRow, RoutingRow
from .holds import HoldRow
from .idempotency_keys import IdempotencyKeyRow
from .longtails import LongtailRow
from .model_calls import ModelCallRow
from .progress_steps import ProgressStepRow
from .provider_limits import ProviderLimitRow
from .publications import PublicationRow
from .reviews import CommentRow, ReviewDecisionRow, ReviewRow, SeenBlockRow
from .revisions import ArticleRevisionRow, FindingRow
from .schedules import BackfillSlotRow, SchedulePauseRow, ScheduleVersionRow, SiteScheduleRow
from .sessions import FailedLoginRow, SessionRow
from .sites import SiteRow
from .users import ApiTokenRow, UserRoleRow, UserRow
from .watchdog import AlertRow, OldAlertRow, WatchRow
from .workers import WorkerRow

__all__ = [
    "AlertRow",
    "AnsweringModelRow",
    "ApiTokenRow",
    "ArticleRevisionRow",
    "ArticleRow",
    "AuditEventRow",
    "BackfillSlotRow",
    "BatchArticleRow",
    "BatchRow",
    "CommentRow",
    "DeploymentRow",
    "FailedLoginRow",
    "FindingRow",
    "HoldRow",
    "IdempotencyKeyRow",
    "LongtailRow",
    "ModelCallRow",
    "OldAlertRow",
    "ProgressStepRow",
    "ProviderLimitRow",
    "PublicationRow",
    "ReviewDecisionRow",
    "ReviewRow",
    "RoutingRow",
    "SchedulePauseRow",
    "ScheduleVersionRow",
    "SeenBlockRow",
    "SessionRow",
    "SiteRow",
    "SiteScheduleRow",
    "StageFailureRow",
    "StageOutputRow",
    "Table",
    "UserRoleRow",
    "UserRow",
    "WatchRow",
    "WorkerRow",
]
