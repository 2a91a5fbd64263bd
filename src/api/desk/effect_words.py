"""Words of what an approval would do."""

from datetime import datetime
from zoneinfo import ZoneInfo

from src.application.approval_effect import ApprovalEffect, Effect

_WORDS = {
    Effect.LIVE: "goes live {clock}",
    Effect.WAITS: "waits for publication",
    Effect.NO_ROOM: "waits: no day is free",
    Effect.OFFLINE: "not published: text of the offline writer",
    Effect.ANOTHER: "{number} of {needed} approvals",
    Effect.GIVEN: "you approved it; another person has to",
    Effect.FINDINGS: "errors stand in its way",
    Effect.NOT_PERMITTED: "not yours to approve",
}


def effect_words(effect: ApprovalEffect) -> str:
    """Return what an approval does, such as "goes live 14:00 CET"."""
    at = clock(effect.at, effect.time_zone) if effect.at else ""
    return _WORDS[effect.effect].format(clock=at, number=effect.given + 1, needed=effect.needed)


def clock(at: datetime, zone: str) -> str:
    """Return the time in the zone; its day unless it is today."""
    local = at.astimezone(ZoneInfo(zone))
    is_today = local.date() == datetime.now(ZoneInfo(zone)).date()
    day = "" if is_today else f"{local:%a} {local.day} {local:%b} "
    return f"{day}{local:%H:%M} {local.tzname()}"
