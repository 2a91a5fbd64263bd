"""Failed logins slow down the next ones, by name and by address; a new day starts anew."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from src.domain.errors import InputInvalid, LoginNotFresh, NotAuthenticated
from src.domain.login import (
    Failures,
    network_of,
    normalised,
    one_more,
    parse_password,
    random_password,
    wait_after,
)
from src.domain.session import IDLE, LIFETIME, Session, Subject

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def failed(count: int, ago: timedelta = timedelta()) -> Failures:
    return Failures(count=count, last_at=NOW - ago)


def a_session(**changes: object) -> Session:
    session = Session(
        user="anna",
        address="10.0.0.7",
        began_at=NOW,
        confirmed_at=NOW,
        last_used_at=NOW,
        expires_at=NOW + LIFETIME,
        ended_at=None,
    )
    return session.model_copy(update=changes)


@pytest.mark.parametrize(
    ("subject", "count", "seconds"),
    [
        *((Subject.NAME, count, 0) for count in (0, 1, 2)),
        *((Subject.NAME, count, 2 ** (count - 3)) for count in (3, 4, 5, 8)),
        *((Subject.NAME, count, 60) for count in (9, 10, 1_000_000)),
        *((Subject.ADDRESS, count, 0) for count in (0, 3, 19)),
        *((Subject.ADDRESS, count, 2 ** (count - 20)) for count in (20, 21, 29)),
        *((Subject.ADDRESS, count, 900) for count in (30, 31, 1_000_000)),
    ],
)
def test_the_wait_doubles_from_a_second_up_to_its_longest(subject: Subject, count: int, seconds: int) -> None:
    assert wait_after(subject, failed(count), NOW) == seconds * SECOND


def test_a_wait_is_over_by_itself() -> None:
    assert wait_after(Subject.NAME, failed(6, ago=3 * SECOND), NOW) == 5 * SECOND
    assert wait_after(Subject.NAME, failed(6, ago=8 * SECOND), NOW) == timedelta()
    assert wait_after(Subject.NAME, None, NOW) == timedelta()


def test_a_day_of_quiet_starts_the_count_anew() -> None:
    day = timedelta(hours=24)
    assert one_more(None, NOW) == failed(1)
    assert one_more(failed(7, ago=day), NOW) == failed(8)
    assert one_more(failed(7, ago=day + SECOND), NOW) == failed(1)
    assert wait_after(Subject.ADDRESS, failed(99, ago=day + SECOND), NOW) == timedelta()


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("testclient", "testclient"),
    ],
)
def test_a_subscribers_addresses_are_counted_as_one(address: str, counted: str) -> None:
    assert network_of(address) == counted


def test_passwords_are_long_enough_and_never_shown_by_a_refusal() -> None:
    for text in ("", "elevenchars", "x" * 201):
        with pytest.raises(InputInvalid) as refused:
            parse_password(SecretStr(text))
        assert refused.value.value == f"{len(text)} characters"
    for text in ("twelve chars", "x" * 200):
        assert parse_password(SecretStr(text)).get_secret_value() == text


def test_a_password_is_the_same_from_every_keyboard() -> None:
    assert normalised(SecretStr("cafe\u0301 au lait")) == normalised(SecretStr("caf\u00e9 au lait"))


def test_random_passwords_differ_and_may_be_set() -> None:
    made = {parse_password(random_password()).get_secret_value() for _ in range(100)}
    assert len(made) == 100
    assert all(len(each) == 23 and not set(each) & set("01ilo") for each in made)


def test_a_session_ends_by_logging_out_by_idling_and_by_age() -> None:
    a_session().require_usable(NOW + IDLE - SECOND)
    used = a_session(last_used_at=NOW + LIFETIME - SECOND)
    used.require_usable(NOW + LIFETIME - SECOND)
    for session, at, problem in (
        (a_session(ended_at=NOW), NOW, "ended"),
        (a_session(), NOW + IDLE, "expired"),
        (used, NOW + LIFETIME, "expired"),
    ):
        with pytest.raises(NotAuthenticated) as refused:
            session.require_usable(at)
        assert refused.value.problem == problem


def test_the_password_counts_as_just_given_for_ten_minutes() -> None:
    a_session().require_fresh(NOW + timedelta(minutes=10))
    with pytest.raises(LoginNotFresh, match="anna gave the password at 09:00 UTC"):
        a_session().require_fresh(NOW + timedelta(minutes=10, seconds=1))
