"""Words of the console: slots, alerts, holds, troubles."""

from src.application.today import SiteState
from src.domain.alert import AlertKind
from src.domain.batch import Trigger
from src.domain.hold import HoldDepth
from src.domain.scheduling.schedule import Overlap
from src.domain.scheduling.slot_evidence import Outcome

ALERT: dict[AlertKind, tuple[str, str]] = {
    AlertKind.SLOT_MISSING: ("gap", "Gap"),
    AlertKind.SLOT_AT_RISK: ("warn", "At risk"),
    AlertKind.BATCH_GONE: ("bad", "Batch lost"),
    AlertKind.ARTICLE_GONE: ("bad", "Article lost"),
    AlertKind.LONGTAIL_STRANDED: ("warn", "Keyword freed"),
    AlertKind.CALL_LOST: ("warn", "Call lost"),
    AlertKind.BATCH_OVERDUE: ("warn", "Slow batch"),
    AlertKind.REVIEW_WAITING: ("warn", "Overdue"),
    AlertKind.WORKFLOW_STUCK: ("bad", "Stuck"),
}
HOLD: dict[HoldDepth, tuple[str, str]] = {
    HoldDepth.ARTICLES: ("No new article starts", "Articles under way are finished."),
    HoldDepth.STAGES: ("Articles stop before their next stage", "Model calls under way are finished; nothing is lost."),
    HoldDepth.CALLS: (
        "Everything stops at once",
        "Model calls are cut off and asked again; some are paid twice.",
    ),
}
SITE: dict[SiteState, tuple[str, str]] = {
    SiteState.HELD: ("pause", "Held"),
    SiteState.RUNNING: ("run", "Running"),
    SiteState.PAUSED: ("pause", "Paused"),
    SiteState.SCHEDULED: ("wait", "Scheduled"),
    SiteState.UNSCHEDULED: ("off", "No schedule"),
}
TRIGGER: dict[Trigger, str] = {
    Trigger.SCHEDULE: "by schedule",
    Trigger.BACKFILL: "by backfill",
    Trigger.MANUAL: "by hand",
}
OUTCOME: dict[Outcome, tuple[str, str]] = {
    Outcome.RAN: ("ok", "Ran"),
    Outcome.PARTLY_FAILED: ("bad", "Partly failed"),
    Outcome.FAILED: ("bad", "Failed"),
    Outcome.CANCELLED: ("off", "Cancelled"),
    Outcome.STOPPED: ("bad", "Stopped"),
    Outcome.RUNNING: ("run", "Running"),
    Outcome.DUE: ("wait", "Due"),
    Outcome.PAUSED: ("pause", "Paused"),
    Outcome.SKIPPED_OVERLAP: ("gap", "Skipped"),
    Outcome.OUTSIDE_CATCH_UP: ("gap", "Gap"),
    Outcome.SERVER_DOWN: ("gap", "Gap"),
    Outcome.NO_LONGTAILS: ("gap", "No keywords"),
    Outcome.NOT_STARTED: ("gap", "Gap"),
}
WHY: dict[Outcome, str] = {
    Outcome.SKIPPED_OVERLAP: "The run before it was still under way, and the schedule skips slots then.",
    Outcome.OUTSIDE_CATCH_UP: "It could not start in time, and was too late when it could.",
    Outcome.SERVER_DOWN: "Temporal was not there.",
    Outcome.NO_LONGTAILS: "It ran, and found no keyword that was ready.",
    Outcome.NOT_STARTED: "Nothing started it.",
    Outcome.PAUSED: "The schedule was paused.",
    Outcome.DUE: "It may still begin by itself.",
}
OVERLAP: dict[Overlap, str] = {
    Overlap.BUFFER_ALL: "wait for it, all in order",
    Overlap.BUFFER_ONE: "wait for it, one at most",
    Overlap.SKIP: "leave the slot out",
    Overlap.ALLOW_ALL: "run at the same time",
    Overlap.CANCEL_OTHER: "cancel the running one",
    Overlap.TERMINATE_OTHER: "end the running one at once",
}
