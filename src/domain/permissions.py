"""Who may do what: one table of actions and roles.

``docs/permissions.csv`` says the same and is kept by hand; a test compares them.
"""

from enum import StrEnum


class Role(StrEnum):
    """What a person is trusted with, on one site or on all."""

    VIEWER = "viewer"  # reads
    REVIEWER = "reviewer"  # decides about articles
    PUBLISHER = "publisher"  # decides what goes live
    OPERATOR = "operator"  # runs batches and schedules
    ADMIN = "admin"  # people, sites, the database


class Action(StrEnum):
    """An action as ``noun.verb``; the audit trail calls it so too."""

    SITE_READ = "site.read"  # all that belongs to it
    SITE_ADD = "site.add"
    SITE_UPDATE = "site.update"
    SITE_REMOVE = "site.remove"
    KEYWORDS_IMPORT = "keywords.import"
    KEYWORDS_REQUEUE = "keywords.requeue"
    BATCH_START = "batch.start"
    BATCH_CANCEL = "batch.cancel"
    ARTICLE_RETRY = "article.retry"
    ARTICLE_REVISE = "article.revise"
    REVIEW_CLAIM = "review.claim"
    REVIEW_ASSIGN = "review.assign"
    REVIEW_COMMENT = "review.comment"
    REVIEW_APPROVE = "review.approve"
    REVIEW_REQUEST_CHANGES = "review.request changes"
    REVIEW_REJECT = "review.reject"
    REVIEW_EDIT = "review.edit"
    REVIEW_SNOOZE = "review.snooze"
    REVIEW_WAIVE = "review.waive"
    REVIEW_WITHDRAW = "review.withdraw"
    REVIEW_RESTORE = "review.restore"
    REVIEW_PARK = "review.park"
    PUBLISH_START = "publish.start"
    PUBLISH_FORCE = "publish.force"  # text of the offline writer
    PUBLISH_UNDO = "publish.undo"
    PUBLISH_TAKE_OFF = "publish.take off"
    PUBLISH_RESTORE = "publish.restore"
    PUBLISH_VERIFY = "publish.verify"
    HOLD_SET = "hold.set"
    HOLD_RELEASE = "hold.release"
    SCHEDULE_SET = "schedule.set"
    SCHEDULE_PAUSE = "schedule.pause"
    SCHEDULE_RESUME = "schedule.resume"
    SCHEDULE_TRIGGER = "schedule.trigger"
    SCHEDULE_REMOVE = "schedule.remove"
    SCHEDULE_REPAIR = "schedule.repair"
    SCHEDULE_ADOPT = "schedule.adopt"
    SCHEDULE_BACKFILL = "schedule.backfill"
    SCHEDULE_STOP_BACKFILL = "schedule.stop backfill"
    USER_READ = "user.read"
    USER_ADD = "user.add"
    USER_ROLE = "user.role"
    USER_DISABLE = "user.disable"
    USER_ENABLE = "user.enable"
    USER_PASSWORD = "user.password"  # noqa: S105 - an action, no secret; another's: everybody may change his own
    USER_LOG_IN = "user.log in"  # only recorded: who may is a matter of the password
    USER_LOG_OUT = "user.log out"  # another, everywhere; everybody may do it to himself
    TOKEN_CREATE = "token.create"  # noqa: S105 - an action, no secret
    TOKEN_REVOKE = "token.revoke"  # noqa: S105 - likewise
    AUDIT_READ = "audit.read"
    DEPLOYMENT_READ = "deployment.read"
    DEPLOYMENT_PROMOTE = "deployment.promote"
    DEPLOYMENT_DRAIN = "deployment.drain"
    DEPLOYMENT_ROLLBACK = "deployment.rollback"
    DATABASE_UPGRADE = "database.upgrade"
    DATABASE_DOWNGRADE = "database.downgrade"
    DATABASE_BACKUP = "database.backup"
    DATABASE_RESTORE = "database.restore"

    @property
    def noun(self) -> str:
        """Return the kind of thing that is acted on."""
        return self.value.partition(".")[0]

    @property
    def verb(self) -> str:
        """Return what is done to it."""
        return self.value.partition(".")[2]


_ADMIN = frozenset({Role.ADMIN})
_OPERATOR = frozenset({Role.OPERATOR, Role.ADMIN})
_REVIEWER = frozenset({Role.REVIEWER, Role.PUBLISHER, Role.ADMIN})
_PUBLISHER = frozenset({Role.PUBLISHER, Role.ADMIN})

ALLOWED: dict[Action, frozenset[Role]] = {
    Action.SITE_READ: frozenset(Role),
    Action.SITE_ADD: _ADMIN,
    Action.SITE_UPDATE: _OPERATOR,
    Action.SITE_REMOVE: _ADMIN,
    Action.KEYWORDS_IMPORT: _OPERATOR,
    Action.KEYWORDS_REQUEUE: _OPERATOR,
    Action.BATCH_START: _OPERATOR,
    Action.BATCH_CANCEL: _OPERATOR,
    Action.ARTICLE_RETRY: _OPERATOR,
    Action.ARTICLE_REVISE: _OPERATOR,
    Action.REVIEW_CLAIM: _REVIEWER,
    Action.REVIEW_ASSIGN: _REVIEWER,
    Action.REVIEW_COMMENT: _REVIEWER,
    Action.REVIEW_APPROVE: _REVIEWER,
    Action.REVIEW_REQUEST_CHANGES: _REVIEWER,
    Action.REVIEW_REJECT: _REVIEWER,
    Action.REVIEW_EDIT: _REVIEWER,
    Action.REVIEW_SNOOZE: _REVIEWER,
    Action.REVIEW_WAIVE: _PUBLISHER,
    Action.REVIEW_WITHDRAW: _PUBLISHER,
    Action.REVIEW_RESTORE: _REVIEWER,
    Action.REVIEW_PARK: _REVIEWER,
    Action.PUBLISH_START: _PUBLISHER,
    Action.PUBLISH_FORCE: _ADMIN,
    Action.PUBLISH_UNDO: _PUBLISHER,
    Action.PUBLISH_TAKE_OFF: _PUBLISHER,
    Action.PUBLISH_RESTORE: _PUBLISHER,
    Action.PUBLISH_VERIFY: _PUBLISHER,
    Action.HOLD_SET: _OPERATOR,
    Action.HOLD_RELEASE: _OPERATOR,
    Action.SCHEDULE_SET: _OPERATOR,
    Action.SCHEDULE_PAUSE: _OPERATOR,
    Action.SCHEDULE_RESUME: _OPERATOR,
    Action.SCHEDULE_TRIGGER: _OPERATOR,
    Action.SCHEDULE_REMOVE: _OPERATOR,
    Action.SCHEDULE_REPAIR: _OPERATOR,
    Action.SCHEDULE_ADOPT: _OPERATOR,
    Action.SCHEDULE_BACKFILL: _OPERATOR,
    Action.SCHEDULE_STOP_BACKFILL: _OPERATOR,
    Action.USER_READ: _ADMIN,
    Action.USER_ADD: _ADMIN,
    Action.USER_ROLE: _ADMIN,
    Action.USER_DISABLE: _ADMIN,
    Action.USER_ENABLE: _ADMIN,
    Action.USER_PASSWORD: _ADMIN,
    Action.USER_LOG_IN: frozenset(Role),
    Action.USER_LOG_OUT: _ADMIN,
    Action.TOKEN_CREATE: _ADMIN,
    Action.TOKEN_REVOKE: _ADMIN,
    Action.AUDIT_READ: _OPERATOR,
    Action.DEPLOYMENT_READ: _OPERATOR,
    Action.DEPLOYMENT_PROMOTE: _OPERATOR,
    Action.DEPLOYMENT_DRAIN: _OPERATOR,
    Action.DEPLOYMENT_ROLLBACK: _OPERATOR,
    Action.DATABASE_UPGRADE: _ADMIN,
    Action.DATABASE_DOWNGRADE: _ADMIN,
    Action.DATABASE_BACKUP: _ADMIN,
    Action.DATABASE_RESTORE: _ADMIN,
}
"""The roles that allow an action; any one of them is enough."""

OF_NO_SITE = frozenset(
    action
    for action in Action
    if action.noun in ("user", "token", "deployment", "database") or action is Action.SITE_ADD
)
"""Actions that concern no single site, so that only a role for all sites allows them."""
