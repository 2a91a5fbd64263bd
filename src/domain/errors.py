"""The errors of Longtail, in one tree.

Errors carry facts; the next step is worded at the edges.

``message`` states the problem without naming a command or an option. Two edges add the remedy: ``cli.errors`` for the
terminal and ``api.errors`` as a problem document. The worker's edge makes Temporal failures of them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from .usage import Usage


def state_of_article(status: str) -> str:
    """Return the verb and the words for an article in this status."""
    words = status.replace("_", " ")
    return {"needs_review": "needs a review", "changes_requested": "has changes requested"}.get(status, f"is {words}")


def problem_of_input(value: object, remedy: str) -> str:
    """Return the words for a value that is missing or unusable."""
    return f"not given; {remedy}" if value is None else f"{value!r} cannot be used: {remedy}"


class Hint(StrEnum):
    """What a person can do next.

    Each edge words it for its users.
    """

    ADD_SEARCH_ATTRIBUTES = "add_search_attributes"
    ADD_SITE = "add_site"
    ADD_USER = "add_user"
    APPROVE_ALONE = "approve_alone"
    CANCEL_BATCH = "cancel_batch"
    CHANGE_BASE_URL = "change_base_url"
    CHECK_SERVER = "check_server"
    CHOOSE_MODEL = "choose_model"
    ENABLE_USER = "enable_user"
    DRAIN_FIRST = "drain_first"
    FINISH_DEPLOYMENT = "finish_deployment"
    FORCE_PUBLICATION = "force_publication"
    FREE_ADDRESS = "free_address"
    GIVE_SCHEDULE_TIMES = "give_schedule_times"
    GRANT_ROLE = "grant_role"
    IMPORT_LONGTAILS = "import_longtails"
    LIST_ARTICLES = "list_articles"
    LIST_BATCHES = "list_batches"
    LIST_LONGTAILS = "list_longtails"
    LIST_PUBLICATIONS = "list_publications"
    LIST_TOKENS = "list_tokens"
    LIST_USERS = "list_users"
    NAME_PERSON = "name_person"
    PROMOTE_OTHER = "promote_other"
    PUBLISH = "publish"
    PUBLISH_AS_RENDERED = "publish_as_rendered"
    REGENERATE_FROM_STAGE = "regenerate_from_stage"
    REMOVE_SCHEDULE = "remove_schedule"
    REPAIR_SCHEDULE = "repair_schedule"
    REPEAT = "repeat"
    REPLACE_DATABASE = "replace_database"
    SET_SCHEDULE = "set_schedule"
    SHOW_ARTICLE = "show_article"
    SHOW_PUBLICATIONS = "show_publications"
    SHOW_REVIEW = "show_review"
    SHOW_SITES = "show_sites"
    STOP_WORKERS = "stop_workers"
    TAKE_OFF = "take_off"
    TAKE_OVER_REVIEW = "take_over_review"
    UPGRADE_DATABASE = "upgrade_database"
    WAIVE_FINDING = "waive_finding"


class LongtailError(Exception):
    """Base class of all errors that Longtail raises.

    Attributes:
        status: the HTTP status an API answers with.
        retryable: whether the same attempt may succeed later, unchanged.
        message: the problem in one sentence, for logs, histories and both edges.
        retry_after: how long the other side asked to wait, if it did.
        hint: what to do next, if that is known.
    """

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after: timedelta | None = None, hint: Hint | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from the state, since subclasses take facts and not a message."""
        return _rebuild, (type(self), self.args, self.__dict__)

    @property
    def facts(self) -> Mapping[str, object]:
        """Return what the error knows beyond its message, by name.

        Unknown ones are left out.
        """
        apart = ("message", "retry_after", "hint")
        return {name: value for name, value in vars(self).items() if name not in apart and value not in (None, ())}


def _rebuild(cls: type[LongtailError], args: tuple[object, ...], state: dict[str, object]) -> LongtailError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


# --- what a person got wrong -----------------------------------------------------------------------------------------


class InputInvalid(LongtailError):
    """A value cannot be used.

    Attributes:
        field: the value's name in the domain, such as ``time_zone``; an edge may know it by another name.
        value: what was given; None: nothing.
        remedy: what to give instead.
        reason: a code for scripts, such as ``out_of_range``.
    """

    status = 422

    def __init__(
        self, field: str, value: object, remedy: str, *, reason: str = "invalid", hint: Hint | None = None
    ) -> None:
        super().__init__(f"{field}: {problem_of_input(value, remedy)}", hint=hint)
        self.field = field
        self.value = value
        self.remedy = remedy
        self.reason = reason


@dataclass(frozen=True)
class SettingProblem:
    """An environment variable that cannot be used, and why.

    Values are left out: they may be secrets.
    """

    variable: str
    problem: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.problem}"


class SettingsInvalid(LongtailError):
    """The environment or .env holds values that cannot be used.

    Attributes:
        problems: each variable with what is wrong.
    """

    status = 422

    def __init__(self, *problems: SettingProblem) -> None:
        super().__init__(f"settings cannot be used: {'; '.join(map(str, problems))}")
        self.problems = problems


class FileInvalid(LongtailError):
    """A file that was handed in cannot be read.

    Nothing of it was kept.

    Attributes:
        file: its name.
        problem: what is wrong, with the remedy.
        line: where, counted from 1.
    """

    status = 422

    def __init__(self, file: str, problem: str, *, line: int | None = None) -> None:
        super().__init__(f"{file}{f', line {line}' if line else ''}: {problem}")
        self.file = file
        self.problem = problem
        self.line = line


class NotFound(LongtailError):
    """Nothing has this name or id.

    Attributes:
        noun: the kind of thing requested.
        key: its name, number or id, as given.
        article: the id of the article it would be a part of, if it is a part of one.
        revision: the number of that article's revision, likewise.
        known: the names there are, where they are few.
    """

    status = 404

    def __init__(
        self,
        noun: str,
        key: object,
        *,
        article: object | None = None,
        revision: int | None = None,
        known: Sequence[str] = (),
        hint: Hint | None = None,
    ) -> None:
        within = [f"revision {revision}"] if revision is not None else []
        within += [f"article {article}"] if article is not None else []
        super().__init__(" of ".join([f"no {noun} {str(key)!r}", *within]), hint=hint)
        self.noun = noun
        self.key = str(key)
        self.article = None if article is None else str(article)
        self.revision = revision
        self.known = tuple(known)


class ConflictReason(StrEnum):
    """Why a request does not fit the state that things are in."""

    ADDRESS_TAKEN = "address_taken"
    APPROVALS_MISSING = "approvals_missing"
    ARTICLE_COMPLETE = "article_complete"
    ARTICLE_DECIDED = "article_decided"
    ARTICLE_HAS_NO_PAGE = "article_has_no_page"
    ARTICLE_NOT_EDITABLE = "article_not_editable"
    ARTICLE_UNFINISHED = "article_unfinished"
    BASE_URL_TAKEN = "base_url_taken"
    BATCH_ENDED = "batch_ended"
    BATCH_RUNNING = "batch_running"
    CLAIMED = "claimed"
    CODE_TOO_OLD = "code_too_old"
    COLOUR_ACTIVE = "colour_active"
    DEPLOYMENT_LOST = "deployment_lost"
    DEPLOYMENT_OPEN = "deployment_open"
    DEPLOYMENT_UNDER_WAY = "deployment_under_way"
    KEY_USED = "key_used"
    LAST_ADMIN = "last_admin"
    LONGTAIL_TAKEN = "longtail_taken"
    MIGRATION_FAILED = "migration_failed"
    MIGRATION_MISSING = "migration_missing"
    NOT_APPROVED = "not_approved"
    NOT_PUBLISHED = "not_published"
    NOTHING_TO_UNDO = "nothing_to_undo"
    NOT_UNDONE = "not_undone"
    NO_BATCH_OPENED = "no_batch_opened"
    OFFLINE_TEXT = "offline_text"
    PUBLICATION_UNDER_WAY = "publication_under_way"
    RENDERER_CHANGED = "renderer_changed"
    REQUEST_ANSWERED_ONCE = "request_answered_once"
    REQUEST_INTERRUPTED = "request_interrupted"
    REQUEST_UNDER_WAY = "request_under_way"
    SCHEDULE_EXISTS = "schedule_exists"
    SITE_EXISTS = "site_exists"
    SITE_PUBLISHED = "site_published"
    SLOT_RUNNING = "slot_running"
    TOKEN_EXISTS = "token_exists"  # noqa: S105 - a reason, no secret
    TABLES_EXIST = "tables_exist"
    USER_DISABLED = "user_disabled"
    USER_EXISTS = "user_exists"
    WORKERS_LIVE = "workers_live"


_CONFLICTS = {
    ConflictReason.ADDRESS_TAKEN: "article {other} has the address of article {key}: {address}",
    ConflictReason.APPROVALS_MISSING: "{count} more approval(s) of article {key} are needed before it can be published",
    ConflictReason.ARTICLE_COMPLETE: "article {key} is complete",
    ConflictReason.ARTICLE_DECIDED: "article {key} {state}; it is not made again",
    ConflictReason.ARTICLE_HAS_NO_PAGE: "article {key} has no page yet",
    ConflictReason.ARTICLE_NOT_EDITABLE: "article {key} {state}; its text is not changed",
    ConflictReason.ARTICLE_UNFINISHED: "article {key} {state}; it has not ended",
    ConflictReason.BASE_URL_TAKEN: "the site {other} has the base_url of {key}: {address}",
    ConflictReason.BATCH_ENDED: "batch {key} has ended: {status}",
    ConflictReason.BATCH_RUNNING: "a batch of {key} is running",
    ConflictReason.CLAIMED: "{by} looks at article {key}, until {until}",
    ConflictReason.CODE_TOO_OLD: "the migration {key} takes away what workers of older code use: {workers}",
    ConflictReason.COLOUR_ACTIVE: "{key} takes the new work; it cannot be drained",
    ConflictReason.DEPLOYMENT_LOST: "the {kind} of {key} was ended by somebody else; this process leaves it",
    ConflictReason.DEPLOYMENT_OPEN: "a {kind} of {key} is open, begun by {by} at {since}",
    ConflictReason.DEPLOYMENT_UNDER_WAY: "the {kind} of {key} is carried out by {by} at {where} since {since}",
    ConflictReason.KEY_USED: "the idempotency key {key!r} belongs to another decision on this article",
    ConflictReason.LAST_ADMIN: "{key} is the last who can appoint others",
    ConflictReason.LONGTAIL_TAKEN: "another article has taken the keyword {key!r} since this one was cancelled",
    ConflictReason.MIGRATION_FAILED: "the database cannot be migrated: {problem}",
    ConflictReason.MIGRATION_MISSING: "the tables differ from the migrations: {problem}",
    ConflictReason.NOT_APPROVED: "nobody approved the text that article {key} has now; it is not published",
    ConflictReason.NOT_PUBLISHED: "article {key} is not published",
    ConflictReason.NOTHING_TO_UNDO: "no publication of article {key} waits for its time",
    ConflictReason.NOT_UNDONE: "the last decision on article {key} is not undone: {problem}",
    ConflictReason.OFFLINE_TEXT: "the offline writer, which is not AI, wrote article {key}; it is not published",
    ConflictReason.PUBLICATION_UNDER_WAY: "a publication of article {key} is {status} at this moment",
    ConflictReason.RENDERER_CHANGED: "the page of article {key} would not be as it was approved: {problem}",
    ConflictReason.NO_BATCH_OPENED: "{key} ended without a batch: {problem}",
    ConflictReason.REQUEST_ANSWERED_ONCE: "the request {key!r} was carried out; its answer was shown once",
    ConflictReason.REQUEST_INTERRUPTED: "the request {key!r} was begun and cut off; see what it did",
    ConflictReason.REQUEST_UNDER_WAY: "the request {key!r} is being carried out",
    ConflictReason.SCHEDULE_EXISTS: "{key} has a schedule",
    ConflictReason.SITE_PUBLISHED: "the site {key} has {count} published page(s)",
    ConflictReason.SITE_EXISTS: "the site {key} exists",
    ConflictReason.SLOT_RUNNING: "the batch of {key} for {slot} is running",
    ConflictReason.TOKEN_EXISTS: "the token {key} exists and is not revoked",
    ConflictReason.TABLES_EXIST: "the database holds Longtail's tables",
    ConflictReason.USER_DISABLED: "the user {key} is disabled",
    ConflictReason.USER_EXISTS: "the user {key} exists",
    ConflictReason.WORKERS_LIVE: "workers use the database: {key}",
}


class Conflict(LongtailError):
    """The request does not fit the state that things are in.

    Attributes:
        reason: a code for scripts.
        key: the name or id of what is in that state.
        details: further facts, by name.
    """

    status = 409

    def __init__(self, reason: ConflictReason, key: object, *, hint: Hint | None = None, **details: str) -> None:
        state = state_of_article(details.get("status", ""))
        super().__init__(_CONFLICTS[reason].format(key=str(key), state=state, **details), hint=hint)
        self.reason = reason
        self.key = str(key)
        self.details = details


class PreconditionMissing(LongtailError):
    """A change does not say which state it is a change of.

    Attributes:
        noun: the kind of thing that is changed.
        key: its name or id.
    """

    status = 428

    def __init__(self, noun: str, key: object) -> None:
        super().__init__(f"say which state of {noun} {str(key)!r} this changes, or that there is none yet")
        self.noun = noun
        self.key = str(key)


class ChangedMeanwhile(LongtailError):
    """A change is not one of the current state.

    Attributes:
        noun: the kind of thing that was to be changed.
        key: its name or id.
        version: of the current state; None: there is none.
        current: the current state.
        wanted: the state that was asked for.
    """

    status = 412

    def __init__(
        self,
        noun: str,
        key: object,
        *,
        version: str | None,
        current: Mapping[str, object] | None,
        wanted: Mapping[str, object],
    ) -> None:
        super().__init__(f"{noun} {str(key)!r} is not as it was when this change was made")
        self.noun = noun
        self.key = str(key)
        self.version = version
        self.current = current
        self.wanted = wanted


class NotAuthenticated(LongtailError):
    """A credential cannot be used, so that nobody knows who asks.

    Attributes:
        problem: a code for scripts: ``missing``, ``unknown``, ``expired``, ``revoked``, ``ended`` or ``disabled``.
    """

    status = 401

    def __init__(self, problem: str, *, hint: Hint | None = None) -> None:
        super().__init__(f"the credential cannot be used: {_CREDENTIALS[problem]}", hint=hint)
        self.problem = problem


_CREDENTIALS = {
    "missing": "there is none",
    "unknown": "nobody has it",
    "expired": "its time is over",
    "revoked": "it was revoked",
    "ended": "its person logged out or has a new password",
    "disabled": "its user is disabled",
}


class LoginRefused(LongtailError):
    """Nobody may act who has this name and this password.

    Which of them is wrong is not said: names cannot be found out so. ``retry_after`` is when the next try is taken.
    """

    status = 401

    def __init__(self, *, retry_after: timedelta | None = None) -> None:
        super().__init__("name or password is wrong", retry_after=retry_after)


class TooManyLogins(LongtailError):
    """So many logins failed that the next one has to wait.

    The password was not looked at. ``retry_after`` is when it will be.
    """

    status = 429
    retryable = True

    def __init__(self, retry_after: timedelta) -> None:
        seconds = math.ceil(retry_after.total_seconds())
        super().__init__(
            f"too many logins failed; the next try is in {seconds} second{'' if seconds == 1 else 's'}",
            retry_after=timedelta(seconds=seconds),
        )


class LoginNotFresh(LongtailError):
    """What is asked for wants the password again.

    Attributes:
        who: the person.
        confirmed_at: when he gave it last, in UTC.
    """

    status = 403

    def __init__(self, who: str, *, confirmed_at: datetime) -> None:
        super().__init__(f"{who} gave the password at {confirmed_at:%H:%M} UTC; give it again to do this")
        self.who = who
        self.confirmed_at = confirmed_at


class ForeignForm(LongtailError):
    """A write came from no form of this session."""

    status = 403

    def __init__(self) -> None:
        super().__init__("the form is not one of this session; open the page again and send it from there")


class NotPermitted(LongtailError):
    """Somebody may not do this there.

    Attributes:
        who: the person, or the token as ``person/token``.
        action: as ``noun.verb``.
        site: where; None for all sites or none.
        roles: any one of these allows it.
    """

    status = 403

    def __init__(
        self, who: str, action: str, *, site: str | None, roles: Sequence[str], hint: Hint | None = None
    ) -> None:
        place = f"on site {site!r}" if site else "for all sites"
        *others, last = roles
        wanted = f"{', '.join(others)} or {last}" if others else last
        super().__init__(f"{who} may not do {action} {place}; it takes the role {wanted} there", hint=hint)
        self.who = who
        self.action = str(action)
        self.site = site
        self.roles = tuple(roles)


# --- what stands in the way of a decision -----------------------------------------------------------------------------


class ReviewRefused(LongtailError):
    """A decision about an article's text is not made.

    Attributes:
        article: its id.
        key: the same, for the command that helps.
    """

    status = 409

    def __init__(self, article: object, message: str, *, hint: Hint | None = None) -> None:
        super().__init__(message, hint=hint)
        self.article = self.key = str(article)


class TextReplaced(ReviewRefused):
    """The text that was decided on is not the current one.

    Attributes:
        expected: the hash that was decided on.
        current: the hash of the newest revision.
        revision: its number.
        by: who made it: a person, or ``machine``.
        at: when, in UTC.
        expected_revision: the number of the text that was decided on; None: the article never had it.
    """

    status = 412

    def __init__(
        self,
        article: object,
        *,
        expected: str,
        current: str,
        revision: int,
        by: str,
        at: datetime,
        expected_revision: int | None = None,
    ) -> None:
        newest = f"revision {revision} ({current[:12]}), made by {by} on {at:%Y-%m-%d %H:%M} UTC"
        if expected_revision is None:
            problem = f"no text of article {article} has the hash {expected[:12]}; the current one is {newest}"
        else:
            problem = f"the text {expected[:12]} of article {article} is not the current one: {newest}, replaced it"
        super().__init__(article, problem, hint=Hint.SHOW_REVIEW)
        self.expected = expected
        self.current = current
        self.revision = revision
        self.by = by
        self.at = at
        self.expected_revision = expected_revision


class AlreadyDecided(ReviewRefused):
    """Somebody decided before.

    Attributes:
        status_of_article: what the article became.
        by: who decided.
        at: when, in UTC.
    """

    def __init__(self, article: object, *, status: str, by: str, at: datetime) -> None:
        super().__init__(
            article,
            f"article {article} {state_of_article(status)}: {by} decided that on {at:%Y-%m-%d %H:%M} UTC",
            hint=Hint.SHOW_REVIEW,
        )
        self.status_of_article = status
        self.by = by
        self.at = at


class NotReviewable(ReviewRefused):
    """An article in this status takes no such decision.

    Attributes:
        status_of_article: what it is.
        decision: what was to be decided.
        possible: the statuses that take the decision.
    """

    def __init__(self, article: object, *, status: str, decision: str, possible: Sequence[str]) -> None:
        super().__init__(
            article,
            f"article {article} {state_of_article(status)}; {decision.replace('_', ' ')} takes one that "
            f"{' or '.join(map(state_of_article, possible))}",
            hint=Hint.SHOW_REVIEW,
        )
        self.status_of_article = status
        self.decision = decision
        self.possible = tuple(possible)


class OwnText(ReviewRefused):
    """The site lets nobody approve a text that he wrote himself.

    Attributes:
        who: the person.
        revision: the newest one that he made of it.
    """

    status = 403

    def __init__(self, article: object, *, who: str, revision: int) -> None:
        super().__init__(
            article,
            f"{who} wrote revision {revision} of article {article}; this site wants somebody else to approve it",
        )
        self.who = who
        self.revision = revision


class SecondPersonMissing(ReviewRefused):
    """The site wants two people to approve, and this one has.

    Attributes:
        who: the person.
        at: when he approved these bytes, in UTC.
    """

    def __init__(self, article: object, *, who: str, at: datetime) -> None:
        super().__init__(
            article,
            f"{who} approved this text of article {article} on {at:%Y-%m-%d %H:%M} UTC; "
            "this site wants a second person to approve it",
        )
        self.who = who
        self.at = at


class FindingsBlock(ReviewRefused):
    """Findings that block an approval are neither mended nor waived.

    Attributes:
        findings: number, rule and message of each.
    """

    def __init__(self, article: object, findings: Sequence[str]) -> None:
        block = "a finding blocks" if len(findings) == 1 else f"{len(findings)} findings block"
        super().__init__(
            article,
            f"{block} the approval of article {article}: {'; '.join(findings)}",
            hint=Hint.WAIVE_FINDING,
        )
        self.findings = tuple(findings)


# --- what the surroundings lack --------------------------------------------------------------------------------------


class EngineUnavailable(LongtailError):
    """PostgreSQL or Temporal cannot be reached or started."""

    status = 503
    retryable = True


class SearchAttributesMissing(LongtailError):
    """Temporal's namespace lacks search attributes that we may not add.

    Attributes:
        key: the namespace.
        names: what is missing; all are of the type Keyword.
        problem: why they were not added.
    """

    status = 503

    def __init__(self, namespace: str, names: Sequence[str], *, problem: str) -> None:
        listed = ", ".join(names)
        super().__init__(
            f"Temporal's namespace {namespace} lacks the search attributes {listed} (Keyword): {problem}",
            hint=Hint.ADD_SEARCH_ATTRIBUTES,
        )
        self.key = namespace
        self.names = tuple(names)
        self.problem = problem


class DatabaseFailed(LongtailError):
    """A database request failed.

    Attributes:
        kind: the driver's name for it, such as ``UniqueViolationError``.
        sqlstate: PostgreSQL's code for it, if it gave one.
    """

    status = 503
    retryable = True

    def __init__(self, kind: str, *, sqlstate: str | None = None) -> None:
        super().__init__(f"the database failed: {kind}{f' ({sqlstate})' if sqlstate else ''}")
        self.kind = kind
        self.sqlstate = sqlstate

    @property
    def is_rejection(self) -> bool:
        """Return whether PostgreSQL rejects the statement or its values."""
        return self.kind == "DataError" or (self.sqlstate or "")[:2] in _REJECTIONS


_REJECTIONS = ("0A", "22", "23", "42")  # SQLSTATE classes: not supported, data, integrity, syntax or access rule


class LongtailsLocked(LongtailError):
    """All ready longtails of a site are being claimed at this moment.

    Attributes:
        site: its slug.
    """

    status = 503
    retryable = True

    def __init__(self, site: str) -> None:
        super().__init__(f"all ready longtails of {site!r} are being claimed by another batch")
        self.site = site


class CallUnderWay(LongtailError):
    """Another worker asks the same question at this moment.

    Attributes:
        worker: the instance that does.
    """

    status = 409
    retryable = True

    def __init__(self, worker: str) -> None:
        super().__init__(f"{worker} is asking the same question", retry_after=timedelta(seconds=10))
        self.worker = worker


class ModelLimited(LongtailError):
    """A model takes no further request now.

    Its provider limits it or is out of order. Nothing was sent. ``retry_after`` is when there may be a turn.

    Attributes:
        endpoint: the provider's address.
        model: the model's name.
        is_out_of_order: whether the provider answers nothing, as far as is known; else it is a limit.
    """

    status = 429
    retryable = True

    def __init__(self, endpoint: str, model: str, *, is_out_of_order: bool, retry_after: timedelta) -> None:
        why = "answers nothing now" if is_out_of_order else "has reached its limit"
        super().__init__(f"{model} at {endpoint} {why}; the stage waits for its turn", retry_after=retry_after)
        self.endpoint = endpoint
        self.model = model
        self.is_out_of_order = is_out_of_order


class ArticleEnded(LongtailError):
    """The article was ended meanwhile: nothing more is bought for it.

    Attributes:
        article: its id.
    """

    status = 409

    def __init__(self, article: object) -> None:
        super().__init__(f"article {article} has ended; no model is called for it any more")
        self.article = str(article)


class WorkerLost(LongtailError):
    """A stage's calls were lost with their workers too often.

    Attributes:
        stage: the stage's letter.
        lost: how many calls.
    """

    def __init__(self, stage: str, lost: int) -> None:
        super().__init__(f"stage {stage}: {lost} workers ended during its call")
        self.stage = stage
        self.lost = lost


class AnswersNotStored(LongtailError):
    """Paid answers were not stored, since the database does not answer.

    Attributes:
        files: the paths of those that wait in files.
        lost: the questions of those that no file could be written for, each with article and stage.
        problem: the folder of the files, and why the system refuses them.
    """

    status = 503

    def __init__(self, files: Sequence[str], *, lost: Sequence[str] = (), problem: str | None = None) -> None:
        parts = []
        if files:
            parts.append(
                f"{len(files)} paid answer(s) could not be stored and are kept in files; the next worker with the same "
                f"LONGTAIL_HOME stores them: {', '.join(files)}"
            )
        if lost:
            parts.append(
                f"{len(lost)} paid answer(s) are lost, since neither the database took them nor the folder "
                f"{problem}: {', '.join(lost)}"
            )
        super().__init__("; ".join(parts) or "the database does not answer")
        self.files = tuple(files)
        self.lost = tuple(lost)
        self.problem = problem


class BackupFailed(LongtailError):
    """A backup could not be written or read; nothing was changed.

    Attributes:
        what: the file or program that it failed at.
        problem: what the system or the program said.
    """

    status = 500

    def __init__(self, what: str, problem: str) -> None:
        self.what = what
        self.problem = problem
        super().__init__(f"{what}: {problem}")


class SchemaOutdated(LongtailError):
    """The database is not at the revision that this version needs.

    Attributes:
        found: its revision; None for an empty database.
        needed: the revision of this version.
        oldest_code: the oldest revision whose code can use the database, if a contract migration set one.
    """

    status = 503

    def __init__(self, found: str | None, needed: str, *, oldest_code: str | None = None) -> None:
        is_newer = found is not None and found > needed
        message = f"the database is at revision {found or 'none'}, this version needs {needed}"
        if is_newer:
            message += f"; since the contract migration {oldest_code} only versions that know it can use the database"
        super().__init__(message, hint=None if is_newer else Hint.UPGRADE_DATABASE)
        self.found = found
        self.needed = needed
        self.oldest_code = oldest_code


class ModelNotConfigured(LongtailError):
    """A stage names a provider that has no usable key here.

    Attributes:
        provider: its name.
        variables: the environment variables that would configure it.
        stage: the stage that names it, if one does.
        site: the site whose stage that is.
    """

    status = 422

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        variables: Sequence[str] = (),
        stage: str | None = None,
        site: str | None = None,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.variables = tuple(variables)
        self.stage = stage
        self.site = site


# --- what a target of publications did -----------------------------------------------------------------------------


class TargetError(LongtailError):
    """A target of publications did not do what it was asked.

    Attributes:
        target: its name.
        problem: what is wrong, in its words.
    """

    status = 502

    def __init__(self, target: str, problem: str, message: str) -> None:
        super().__init__(message)
        self.target = str(target)
        self.problem = problem


class TargetUnavailable(TargetError):
    """A target cannot be reached, and did nothing."""

    status = 503
    retryable = True

    def __init__(self, target: str, problem: str) -> None:
        super().__init__(target, problem, f"the {target} cannot be used now: {problem}")


class TargetAnswerUnknown(TargetError):
    """Nobody knows whether a target did what it was asked.

    The page is looked for by its key before anything is sent again.
    """

    status = 504
    retryable = True

    def __init__(self, target: str, problem: str) -> None:
        super().__init__(target, problem, f"the {target} may have taken the page or not: {problem}")


class TargetRefused(TargetError):
    """A target will never take this page.

    Attributes:
        path: the page's or the file's, below the target.
    """

    status = 409

    def __init__(self, target: str, path: str, problem: str) -> None:
        super().__init__(target, problem, f"the {target} takes no {path!r}: {problem}")
        self.path = path


# --- what a model provider did ---------------------------------------------------------------------------------------


class ModelError(LongtailError):
    """A model call did not give an answer.

    What is known of it is kept, since it may have been paid for.

    Attributes:
        usage: what had been used when it failed: a lower bound, or None when nothing is known.
        request_id: the provider's name for the call, for its support.
        model: the one the response named, if it came that far.
        has_content: whether a part of the answer had come, which is paid for.
    """

    status = 502
    has_content = False

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta | None = None,
        usage: Usage | None = None,
        request_id: str | None = None,
        model: str | None = None,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.usage = usage
        self.request_id = request_id
        self.model = model


class ModelBadRequest(ModelError):
    """The provider rejects the request as it is."""


class ModelNotFound(ModelError):
    """The provider has no model of this name: every article would fail.

    Attributes:
        provider: its name.
        model: the name asked for.
        stage: the letter of a stage that the model writes.
        site: the site whose stage that is.
    """

    status = 422

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta | None = None,
        usage: Usage | None = None,
        request_id: str | None = None,
        model: str | None = None,
    ) -> None:
        super().__init__(message, retry_after=retry_after, usage=usage, request_id=request_id, model=model)
        self.hint = Hint.CHOOSE_MODEL
        self.provider: str | None = None
        self.stage: str | None = None
        self.site: str | None = None

    def asked_by(self, stage: str, *, site: str | None, provider: str, model: str) -> "ModelNotFound":
        """Return the error with what asked for the model."""
        where = f"stage {stage} of site {site!r}" if site else f"stage {stage}"
        error = ModelNotFound(
            f"{where} is written by {model!r}, a model that {provider} does not have: {self.message}",
            usage=self.usage,
            request_id=self.request_id,
            model=model,
        )
        error.provider, error.stage, error.site = provider, stage, site
        return error


class ModelAuthenticationFailed(ModelError):
    """The provider rejects the key: no further article may try it."""


class ModelSpendLimitReached(ModelError):
    """The account's money is used up: no further article may try it."""


class ModelRateLimited(ModelError):
    """Too many requests: the provider names the time to retry."""

    status = 429
    retryable = True


class ModelOverloaded(ModelError):
    """The provider has no capacity now: worth a slower retry."""

    retryable = True


class ModelUnavailable(ModelError):
    """The provider failed internally."""

    retryable = True


class ModelUnreachable(ModelError):
    """No connection, or it broke."""

    retryable = True


class ModelTimedOut(ModelError):
    """No answer in time."""

    status = 504
    retryable = True


class ModelStreamTruncated(ModelError):
    """The stream ended without a stop reason."""

    retryable = True


class ModelResponseMalformed(ModelError):
    """What arrived is not the provider's protocol."""

    retryable = True


class ModelRefused(ModelError):
    """The model declines to write about this.

    The same prompt is never sent again.
    """


HALTING = (ModelAuthenticationFailed, ModelSpendLimitReached, ModelNotConfigured, ModelNotFound)
"""After one of these a batch starts no further article: each would fail alike."""


# --- what an agent produced ------------------------------------------------------------------------------------------


class OutputRejected(LongtailError):
    """An answer breaks the rules even after its one repair.

    Attributes:
        stage: the stage's letter.
        violations: one line a broken rule, as the repair prompt had them.
    """

    status = 422

    def __init__(self, stage: str, violations: Sequence[str]) -> None:
        super().__init__(f"stage {stage}: {len(violations)} rule(s) broken after repair: {'; '.join(violations)}")
        self.stage = stage
        self.violations = tuple(violations)


class OutputTruncated(LongtailError):
    """An answer hit its token limit in spite of continuations."""

    status = 422


class ArtefactTooLarge(LongtailError):
    """An artefact is too large for workflow history.

    It is stored, and it stays out of history.

    Attributes:
        stage: the stage's letter.
        size: of the artefact in bytes.
        limit: what history takes, in bytes.
    """

    status = 413

    def __init__(self, stage: str, *, size: int, limit: int) -> None:
        super().__init__(
            f"stage {stage}: its artefact has {size} bytes, history takes {limit}; it is stored; "
            "lower the site's word_target and make this stage again",
            hint=Hint.REGENERATE_FROM_STAGE,
        )
        self.stage = stage
        self.size = size
        self.limit = limit
