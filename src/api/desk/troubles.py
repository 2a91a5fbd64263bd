"""What needs a person, worst first: what, why, and one next step."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from src.application.today import BrokenBatch, Today
from src.domain.alert import Alert, AlertKind
from src.domain.batch import BatchStatus
from src.domain.permissions import Action
from src.domain.principal import Principal

from .console_words import ALERT
from .shell import PATH, with_query
from .wording import age, moment, plural

_SHOWN_ELSEWHERE = frozenset({AlertKind.REVIEW_WAITING})  # overdue reviews have a row for all of them
_MOST_ALERTS = 8


class Trouble(NamedTuple):
    """One row: state, what is so, why, the next step."""

    state: tuple[str, str]
    head: str
    text: str
    link: str
    link_text: str


def list_troubles(today: Today, me: Principal) -> list[Trouble]:
    """Return the day's troubles, the worst first."""
    alerts = [alert for alert in today.alerts if alert.kind not in _SHOWN_ELSEWHERE]
    gaps = defaultdict[str | None, list[Alert]](list)
    for alert in alerts:
        if alert.kind is AlertKind.SLOT_MISSING:
            gaps[alert.site].append(alert)
    alerts = [alert for alert in alerts if alert.kind is not AlertKind.SLOT_MISSING]
    rows = [_broken(each, today, me) for each in today.broken]
    rows += [_drifted(site.slug, site.name, site.differs) for site in today.sites if site.differs]
    rows += [_gaps(each, today) for each in gaps.values()]
    rows += [_alert(each, today) for each in sorted(alerts, key=lambda each: ALERT[each.kind][0])[:_MOST_ALERTS]]
    if (left := len(alerts) - _MOST_ALERTS) > 0:
        rows.append(Trouble(("warn", "More"), plural(left, "more alert"), "", f"{PATH}/alerts", "All alerts"))
    return rows + _overdue(today)


def _broken(broken: BrokenBatch, today: Today, me: Principal) -> Trouble:
    batch, name = broken.batch, today.names.get(broken.batch.site, broken.batch.site)
    slot = moment(batch.slot, today.zones.get(batch.site, "UTC")).striptags()
    is_all = broken.failed == 0 and batch.total == 0
    what = "did not begin" if is_all else f"{broken.failed} of {batch.total} articles failed"
    if broken.failure and broken.failure.stage:
        what += f" at stage {broken.failure.stage}, {broken.failure.stage.label}"
    elif batch.status is BatchStatus.STOPPED and not broken.failed:
        what = f"stopped with {batch.needs_review} of {batch.total} done"
    why = broken.failure.message if broken.failure else batch.error_message or ""
    may_retry = broken.failed and me.may(Action.ARTICLE_RETRY, batch.site)
    return Trouble(
        ("bad", "Stopped" if batch.status is BatchStatus.STOPPED else "Failed"),
        f"{name}: {what}",
        f"Batch of {slot}. {why[:300]}",
        with_query(f"{PATH}/batches/{batch.id}", show="failed" if broken.failed else None),
        f"See and retry {broken.failed}" if may_retry else "See why",
    )


def _drifted(site: str, name: str, differs: str | None) -> Trouble:
    text = "The schedule in Temporal is not the one that was set here."
    link = f"{PATH}/schedules/{site}"
    return Trouble(("warn", "Changed"), f"{name}: {differs}", text, link, "See the schedule")


def _gaps(alerts: list[Alert], today: Today) -> Trouble:
    """Return one row for the missing slots of a site."""
    slots = sorted(slot for alert in alerts if (slot := alert_slot(alert)))
    site, zone = alerts[0].site or "", today.zones.get(alerts[0].site or "", "UTC")
    link, words = next_step(alerts[-1], zone)
    head = f"no run for {moment(slots[-1], zone).striptags()}" if slots else "no run"
    if len(slots) > 1:
        head += f" and {plural(len(slots) - 1, 'slot')} before it"
        link = f"{PATH}/calendar/plan?{urlencode([('site', site), *(('slot', stamp(slot)) for slot in slots)])}"
    return Trouble(
        ALERT[AlertKind.SLOT_MISSING], f"{today.names.get(site, site)}: {head}", alerts[0].detail, link, words
    )


def _alert(alert: Alert, today: Today) -> Trouble:
    name = today.names.get(alert.site or "", alert.site or "All sites")
    zone = today.zones.get(alert.site or "", "UTC")
    link, words = next_step(alert, zone)
    since = f"since {moment(alert.since, zone).striptags()}"
    return Trouble(ALERT[alert.kind], f"{name}: {alert.detail}", since, link, words)


def alert_slot(alert: Alert) -> datetime | None:
    """Return the slot that an alert is about, None for another kind."""
    _, _, slot = alert.subject.partition(" ")
    try:
        return datetime.fromisoformat(slot) if slot else None
    except ValueError:
        return None


def next_step(alert: Alert, zone: str) -> tuple[str, str]:
    """Return where an alert leads, and in which words."""
    slot = alert_slot(alert) if alert.kind is AlertKind.SLOT_MISSING else None
    if slot is not None and alert.site:
        return slot_link(alert.site, slot, zone), "See backfill plan"
    path, words = _STEPS.get(alert.kind, ("batches?site={site}", "See batches"))
    return f"{PATH}/{path.format(subject=alert.subject, site=alert.site or '')}", words


_STEPS: dict[AlertKind, tuple[str, str]] = {
    AlertKind.SLOT_AT_RISK: ("schedules/{site}", "See the schedule"),
    AlertKind.BATCH_GONE: ("batches/{subject}", "See the batch"),
    AlertKind.BATCH_OVERDUE: ("batches/{subject}", "See the batch"),
    AlertKind.ARTICLE_GONE: ("articles/{subject}", "See the article"),
    AlertKind.REVIEW_WAITING: ("articles/{subject}", "See the article"),
    AlertKind.CALL_LOST: ("calls?site={site}", "See model calls"),
    AlertKind.LONGTAIL_STRANDED: ("keywords?site={site}", "See keywords"),
}


def slot_link(site: str, slot: datetime, zone: str) -> str:
    """Return the calendar with the slot chosen."""
    month = f"{slot.astimezone(ZoneInfo(zone)):%Y-%m}"
    return with_query(f"{PATH}/calendar", month=month, site=site, slot=stamp(slot))


def _overdue(today: Today) -> list[Trouble]:
    late = [each for each in today.waiting if each.overdue]
    if not late:
        return []
    oldest = min(late, key=lambda each: each.since)
    count = sum(each.overdue for each in late)
    return [
        Trouble(
            ("warn", "Overdue"),
            f"{plural(count, 'article waits', 'articles wait')} longer than planned",
            f"The oldest, “{oldest.keyword}”, waits {age(oldest.since)} on {today.names[oldest.site]}.",
            f"{PATH}/articles/{oldest.article_id}",
            "Open the oldest",
        )
    ]


def stamp(at: datetime) -> str:
    """Return a moment as addresses carry it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
