"""One example of every class of the error tree."""

from datetime import UTC, datetime, timedelta

from src.domain import errors
from src.domain.errors import (
    AlreadyDecided,
    AnswersNotStored,
    ArtefactTooLarge,
    ArticleEnded,
    BackupFailed,
    CallUnderWay,
    ChangedMeanwhile,
    Conflict,
    ConflictReason,
    DatabaseFailed,
    FileInvalid,
    FindingsBlock,
    ForeignForm,
    Hint,
    InputInvalid,
    LoginNotFresh,
    LoginRefused,
    LongtailError,
    LongtailsLocked,
    ModelError,
    ModelLimited,
    ModelNotConfigured,
    ModelNotFound,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    NotReviewable,
    OutputRejected,
    OwnText,
    PreconditionMissing,
    ReviewRefused,
    SchemaOutdated,
    SearchAttributesMissing,
    SecondPersonMissing,
    SettingProblem,
    SettingsInvalid,
    TargetAnswerUnknown,
    TargetError,
    TargetRefused,
    TargetUnavailable,
    TextReplaced,
    TooManyLogins,
    WorkerLost,
)
from src.domain.usage import Usage

_AT = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)

WITH_FACTS: dict[type[LongtailError], LongtailError] = {
    InputInvalid: InputInvalid("volume", "many", "write a whole number"),
    SettingsInvalid: SettingsInvalid(SettingProblem("LONGTAIL_MODEL_SLOTS", "too small")),
    FileInvalid: FileInvalid("list.csv", "it is empty", line=3),
    NotFound: NotFound("site", "shop", known=["garden"], hint=Hint.SHOW_SITES),
    Conflict: Conflict(ConflictReason.BATCH_ENDED, "3f2a9c01", status="completed"),
    ReviewRefused: ReviewRefused("3f2a9c01", "nothing is decided", hint=Hint.SHOW_ARTICLE),
    TextReplaced: TextReplaced(
        "3f2a9c01", expected="a" * 64, current="b" * 64, revision=3, by="ida", at=datetime(2026, 11, 20, tzinfo=UTC)
    ),
    TargetError: TargetError("folder", "it is full", "the folder is full"),
    TargetUnavailable: TargetUnavailable("folder", "No space left on device: /srv/pages"),
    TargetAnswerUnknown: TargetAnswerUnknown("folder", "no answer in time"),
    TargetRefused: TargetRefused("folder", "taps.html", "a file that Longtail did not write stands there"),
    PreconditionMissing: PreconditionMissing("site", "shop"),
    ChangedMeanwhile: ChangedMeanwhile(
        "site", "shop", version="3f2a", current={"name": "Shop"}, wanted={"name": "Garden"}
    ),
    NotAuthenticated: NotAuthenticated("expired"),
    LoginRefused: LoginRefused(retry_after=timedelta(seconds=4)),
    TooManyLogins: TooManyLogins(timedelta(seconds=3.2)),
    LoginNotFresh: LoginNotFresh("anna", confirmed_at=_AT),
    ForeignForm: ForeignForm(),
    NotPermitted: NotPermitted("anna", "batch.start", site="shop", roles=["operator", "admin"], hint=Hint.GRANT_ROLE),
    DatabaseFailed: DatabaseFailed("UniqueViolationError", sqlstate="23505"),
    AnswersNotStored: AnswersNotStored(
        ["/home/longtail/spool/3f2a9c01.json"],
        lost=["article 7be1c2d4 stage C"],
        problem="/home/longtail/spool: No space left on device",
    ),
    ArticleEnded: ArticleEnded("3f2a9c01"),
    CallUnderWay: CallUnderWay("blue@host:7:1f"),
    WorkerLost: WorkerLost("C", 3),
    ModelLimited: ModelLimited(
        "https://api.openai.com/v1", "m-1", is_out_of_order=True, retry_after=timedelta(seconds=7)
    ),
    LongtailsLocked: LongtailsLocked("hardware-shop"),
    BackupFailed: BackupFailed("pg_dump", "connection refused"),
    SearchAttributesMissing: SearchAttributesMissing("default", ["Site"], problem="we may not add them"),
    SchemaOutdated: SchemaOutdated(None, "0001"),
    ModelNotConfigured: ModelNotConfigured("no key", provider="openai", variables=["OPENAI_API_KEY"], stage="C"),
    ModelNotFound: ModelNotFound("HTTP 404", request_id="req_1").asked_by(
        "C", site="shop", provider="openai", model="gpt-9"
    ),
    ArtefactTooLarge: ArtefactTooLarge("C", size=300_000, limit=262_144),
    AlreadyDecided: AlreadyDecided("3f2a9c01", status="approved", by="anna", at=_AT),
    NotReviewable: NotReviewable("3f2a9c01", status="failed", decision="approve", possible=["needs_review"]),
    OwnText: OwnText("3f2a9c01", who="anna", revision=2),
    SecondPersonMissing: SecondPersonMissing("3f2a9c01", who="anna", at=_AT),
    FindingsBlock: FindingsBlock("3f2a9c01", ["0: text.banned: cheap"]),
    OutputRejected: OutputRejected("B", ["no h1", "too short"]),
}


def tree(root: type[LongtailError]) -> list[type[LongtailError]]:
    children = [child for child in root.__subclasses__() if child.__module__ == errors.__name__]
    return [root, *(one for child in children for one in tree(child))]


KINDS = tree(LongtailError)


def example_of(kind: type[LongtailError]) -> LongtailError:
    if kind in WITH_FACTS:
        return WITH_FACTS[kind]
    if issubclass(kind, ModelError):
        known = Usage(input_tokens=10, output_tokens=3)
        return kind("no answer", retry_after=timedelta(seconds=7), usage=known, request_id="req_1", model="m-1")
    return kind("it went wrong", retry_after=timedelta(seconds=7))
