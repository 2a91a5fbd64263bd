"""Who logs in, and what ends that: rows decide at each request."""

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr
from sqlalchemy import text

from src.application.audit import verify
from src.application.passwords import change_password, end_sessions, reset_password
from src.application.people import add_person, change_role, set_disabled
from src.application.sessions import Sessions
from src.domain.errors import (
    InputInvalid,
    LoginNotFresh,
    LoginRefused,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    TooManyLogins,
)
from src.domain.permissions import Action
from src.domain.person import Grant, Role
from src.domain.principal import Origin, Principal
from src.domain.session import OpenedSession
from src.infrastructure.authentication.passwords import Passwords
from src.infrastructure.authentication.sessions import SessionAuthentication
from src.infrastructure.database.unit_of_work import Database
from tests.applications import ANNA

ADMIN, REVIEWER = Grant(role=Role.ADMIN, site=None), Grant(role=Role.REVIEWER, site=None)
RIGHT, WRONG = SecretStr("correct horse battery"), SecretStr("incorrect horse battery")
HOME, ELSEWHERE = "10.0.0.7", "192.0.2.66"
FAST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(FAST)


@pytest.fixture
async def sessions(database: Database, passwords: Passwords) -> Sessions:
    """Logins of anna, an admin, and bert, a reviewer, who have a password, and of carl, who has none."""
    await add_person(database, "anna", ADMIN, by=ANNA)
    for name in ("bert", "carl"):
        await add_person(database, name, REVIEWER, by=ANNA)
    for name in ("anna", "bert"):
        await reset_password(database, name, by=ANNA, passwords=passwords, password=RIGHT)
    return Sessions(database, passwords)


async def refused(sessions: Sessions, secret: SecretStr) -> str:
    with pytest.raises(NotAuthenticated) as error:
        await sessions.identify(secret, address=HOME)
    return error.value.problem


async def fail(sessions: Sessions, name: str, times: int, *, address: str | None) -> LoginRefused:
    for _ in range(times):
        with pytest.raises(LoginRefused) as error:
            await sessions.log_in(name, WRONG, address=address)
    return error.value


async def change(database: Database, statement: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text(statement))


async def events(database: Database, name: str) -> list[tuple[str, str, dict[str, object] | None]]:
    async with database.unit_of_work() as uow:
        found = await uow.audit.list_for("user", name)
    since = max(number for number, event in enumerate(found) if event.action == "add")  # of this test
    return [(event.who, event.action, event.after) for event in found[since + 1 :]]


async def test_who_logs_in_is_known_by_a_secret_that_is_not_stored(sessions: Sessions, database: Database) -> None:
    opened = await sessions.log_in(" Bert ", RIGHT, address=HOME)
    assert (opened.session.user, opened.session.address) == ("bert", HOME)
    signed_in = await sessions.identify(opened.secret, address=ELSEWHERE)
    assert signed_in.session == opened.session
    assert (signed_in.principal.name, signed_in.principal.origin) == ("bert", Origin.DESK)
    assert (signed_in.principal.address, signed_in.principal.token) == (ELSEWHERE, None)
    assert signed_in.principal.may(Action.REVIEW_APPROVE, "shop")
    async with database.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT sessions::text FROM sessions"))).scalars().all()
    assert len(rows) == 1
    assert opened.secret.get_secret_value() not in rows[0]
    assert opened.secret.get_secret_value() not in repr(opened)
    again = await sessions.log_in("bert", RIGHT, address=HOME)
    assert again.secret != opened.secret


async def test_the_port_says_who_it_is(sessions: Sessions, database: Database) -> None:
    opened = await sessions.log_in("bert", RIGHT, address=HOME)
    authentication = SessionAuthentication(database)
    principal = await authentication.authenticate(opened.secret, origin=Origin.DESK, address=HOME)
    assert principal == (await sessions.identify(opened.secret, address=HOME)).principal


@pytest.mark.parametrize("name", ["bert", "carl", "nobody", "Robert'); --", "\x00", "b" * 500, ""])
async def test_nobody_is_told_what_was_wrong(sessions: Sessions, database: Database, name: str) -> None:
    error = await fail(sessions, name, 1, address=HOME)
    assert (error.message, error.retry_after, error.facts) == ("name or password is wrong", None, {})
    error = await fail(sessions, name, 2, address=HOME)
    assert error.retry_after == timedelta(seconds=1)
    with pytest.raises(TooManyLogins) as waiting:
        await sessions.log_in(name, RIGHT, address=HOME)
    assert waiting.value.retry_after == timedelta(seconds=1)
    assert waiting.value.message == "too many logins failed; the next try is in 1 second"


async def test_a_disabled_person_and_one_without_a_password_are_nobody(sessions: Sessions, database: Database) -> None:
    await set_disabled(database, "bert", by=ANNA, disabled=True)
    for name in ("bert", "carl"):
        for password in (RIGHT, SecretStr(""), SecretStr("x" * 5000)):
            with pytest.raises(LoginRefused):
                await sessions.log_in(name, password, address=None)


async def test_logging_out_ends_the_session_at_once(sessions: Sessions) -> None:
    one, other = [await sessions.log_in("bert", RIGHT, address=HOME) for _ in range(2)]
    for _ in range(2):
        await sessions.log_out(one.secret)
    await sessions.log_out(SecretStr("unknown"))
    assert await refused(sessions, one.secret) == "ended"
    assert await refused(sessions, SecretStr("unknown")) == "unknown"
    assert (await sessions.identify(other.secret, address=HOME)).principal.name == "bert"


async def test_a_role_and_being_disabled_count_at_the_next_request(sessions: Sessions, database: Database) -> None:
    opened = await sessions.log_in("bert", RIGHT, address=HOME)
    await change_role(database, "bert", REVIEWER, by=ANNA, withdraw=True)
    signed_in = await sessions.identify(opened.secret, address=HOME)
    assert not signed_in.principal.may(Action.REVIEW_APPROVE, "shop")
    await set_disabled(database, "bert", by=ANNA, disabled=True)
    assert await refused(sessions, opened.secret) == "ended"
    await set_disabled(database, "bert", by=ANNA, disabled=False)
    assert await refused(sessions, opened.secret) == "ended"  # it does not come back


async def test_a_session_ends_by_idling_and_by_age_and_its_use_is_kept_to_the_minute(
    sessions: Sessions, database: Database
) -> None:
    opened = await sessions.log_in("bert", RIGHT, address=HOME)
    await change(database, "UPDATE sessions SET last_used_at = now() - interval '11 hours'")
    await sessions.identify(opened.secret, address=HOME)
    used = (await sessions.identify(opened.secret, address=HOME)).session.last_used_at
    assert used >= opened.session.last_used_at
    await change(database, "UPDATE sessions SET last_used_at = now() - interval '12 hours'")
    assert await refused(sessions, opened.secret) == "expired"
    await change(database, "UPDATE sessions SET last_used_at = now(), expires_at = now()")
    assert await refused(sessions, opened.secret) == "expired"


async def test_failures_slow_a_name_everywhere_but_where_its_owner_is_known(
    sessions: Sessions, database: Database
) -> None:
    await sessions.log_in("bert", RIGHT, address=HOME)
    await fail(sessions, "bert", 3, address=ELSEWHERE)
    for address in (ELSEWHERE, "198.51.100.1", None):
        with pytest.raises(TooManyLogins):
            await sessions.log_in("bert", RIGHT, address=address)
    await sessions.log_in("bert", RIGHT, address=HOME)
    await fail(sessions, "bert", 5, address=HOME)
    await sessions.log_in("bert", RIGHT, address=HOME)
    with pytest.raises(TooManyLogins):  # the owner's login gives nobody elsewhere new tries
        await sessions.log_in("bert", WRONG, address=ELSEWHERE)
    await sessions.log_in("anna", RIGHT, address=ELSEWHERE)
    await change(database, "UPDATE sessions SET began_at = now() - interval '91 days'")
    with pytest.raises(TooManyLogins):
        await sessions.log_in("bert", RIGHT, address=HOME)


async def test_a_login_from_a_new_address_starts_the_names_count_anew(sessions: Sessions) -> None:
    await fail(sessions, "bert", 2, address=HOME)
    await sessions.log_in("bert", RIGHT, address=HOME)
    assert (await fail(sessions, "bert", 2, address=ELSEWHERE)).retry_after is None


async def test_failures_slow_an_address_whatever_names_it_tries(sessions: Sessions, database: Database) -> None:
    for number in range(19):
        await fail(sessions, f"nobody-{number}", 1, address=ELSEWHERE)
    await sessions.log_in("anna", RIGHT, address=ELSEWHERE)  # with an account of one's own nothing starts anew
    error = await fail(sessions, "nobody", 1, address=ELSEWHERE)
    assert error.retry_after == timedelta(seconds=1)
    with pytest.raises(TooManyLogins):
        await sessions.log_in("anna", RIGHT, address=ELSEWHERE)
    await sessions.log_in("anna", RIGHT, address=HOME)
    await change(database, "UPDATE failed_logins SET last_at = now() - interval '25 hours'")
    await sessions.log_in("anna", RIGHT, address=ELSEWHERE)
    async with database.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM failed_logins")) <= 1


async def test_tries_at_the_same_moment_are_all_counted(sessions: Sessions) -> None:
    tries = (sessions.log_in("bert", WRONG, address=ELSEWHERE) for _ in range(12))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, LoginRefused) for each in answers) == 3
    assert sum(isinstance(each, TooManyLogins) for each in answers) == 9


async def test_a_fresh_login_is_asked_for_and_given(sessions: Sessions, database: Database) -> None:
    opened = await sessions.log_in("bert", RIGHT, address=HOME)
    sessions.require_fresh(opened.session)
    await change(database, "UPDATE sessions SET confirmed_at = now() - interval '11 minutes'")
    stale = (await sessions.identify(opened.secret, address=HOME)).session
    with pytest.raises(LoginNotFresh):
        sessions.require_fresh(stale)
    with pytest.raises(LoginRefused):
        await sessions.confirm(opened.secret, WRONG, address=HOME)
    sessions.require_fresh(await sessions.confirm(opened.secret, RIGHT, address=HOME))
    await sessions.log_out(opened.secret)
    with pytest.raises(NotAuthenticated):
        await sessions.confirm(opened.secret, RIGHT, address=HOME)


async def test_a_stolen_session_guesses_no_password(sessions: Sessions) -> None:
    stolen = await sessions.log_in("bert", RIGHT, address=HOME)
    for _ in range(3):
        with pytest.raises(LoginRefused):
            await sessions.confirm(stolen.secret, WRONG, address=ELSEWHERE)
    with pytest.raises(TooManyLogins):
        await sessions.confirm(stolen.secret, RIGHT, address=ELSEWHERE)


async def test_a_new_password_ends_sessions_and_forgets_addresses(
    sessions: Sessions, database: Database, passwords: Passwords
) -> None:
    opened = await sessions.log_in("bert", RIGHT, address=HOME)
    await fail(sessions, "bert", 3, address=ELSEWHERE)
    new = await reset_password(database, "bert", by=ANNA, passwords=passwords)
    assert new.ended == 1
    assert await refused(sessions, opened.secret) == "ended"
    with pytest.raises(LoginRefused):
        await sessions.log_in("bert", RIGHT, address=HOME)
    await sessions.log_in("bert", new.password, address=ELSEWHERE)
    await fail(sessions, "bert", 2, address="198.51.100.1")
    with pytest.raises(LoginRefused) as error:
        await sessions.log_in("bert", RIGHT, address=HOME)
    assert error.value.retry_after == timedelta(seconds=1)  # home is known no more


async def test_passwords_are_set_by_who_may(sessions: Sessions, database: Database, passwords: Passwords) -> None:
    bert = (
        await sessions.identify((await sessions.log_in("bert", RIGHT, address=HOME)).secret, address=HOME)
    ).principal
    with pytest.raises(NotPermitted):
        await reset_password(database, "anna", by=bert, passwords=passwords)
    with pytest.raises(NotFound):
        await reset_password(database, "nobody", by=ANNA, passwords=passwords)
    with pytest.raises(InputInvalid, match="5 characters"):
        await reset_password(database, "bert", by=ANNA, passwords=passwords, password=SecretStr("short"))
    with pytest.raises(NotPermitted):
        await end_sessions(database, "anna", by=bert)


async def own(sessions: Sessions, opened: OpenedSession) -> Principal:
    return (await sessions.identify(opened.secret, address=HOME)).principal


async def test_ones_own_password_takes_the_old_one_and_ends_the_other_sessions(
    sessions: Sessions, database: Database, passwords: Passwords
) -> None:
    here, there = [await sessions.log_in("bert", RIGHT, address=HOME) for _ in range(2)]
    bert, new = await own(sessions, here), SecretStr("a staple of new words")

    async def change_to(password: SecretStr, *, old: SecretStr) -> int:
        given = {"by": bert, "passwords": passwords, "address": HOME}
        return (await change_password(database, here.secret, old=old, new=password, **given)).ended  # type: ignore[arg-type]

    with pytest.raises(LoginRefused):
        await change_to(new, old=WRONG)
    with pytest.raises(InputInvalid):
        await change_to(SecretStr("short"), old=RIGHT)
    assert await change_to(new, old=RIGHT) == 1
    assert await refused(sessions, there.secret) == "ended"
    await sessions.identify(here.secret, address=HOME)
    await sessions.log_in("bert", new, address=HOME)


async def test_sessions_are_ended_everywhere_by_an_admin_and_by_oneself(sessions: Sessions, database: Database) -> None:
    here, *_ = [await sessions.log_in("bert", RIGHT, address=HOME) for _ in range(3)]
    assert (await end_sessions(database, "bert", by=await own(sessions, here), but=here.secret)).ended == 2
    assert (await end_sessions(database, "bert", by=ANNA)).ended == 1
    assert await refused(sessions, here.secret) == "ended"


async def test_a_hash_of_other_parameters_is_made_anew_by_a_login(sessions: Sessions, database: Database) -> None:
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    await Sessions(database, Passwords(stronger)).log_in("bert", RIGHT, address=HOME)
    async with database.unit_of_work() as uow:
        stored = await uow.users.find_password_hash("bert")
    assert stored is not None
    assert stored.startswith("$argon2id$v=19$m=16,t=2,p=1$")
    await sessions.log_in("bert", RIGHT, address=HOME)


async def test_the_trail_tells_of_logins_and_not_of_failed_ones(sessions: Sessions, database: Database) -> None:
    await fail(sessions, "bert", 2, address=HOME)
    opened = await sessions.log_in("bert", RIGHT, address=HOME)
    await sessions.confirm(opened.secret, RIGHT, address=HOME)
    await sessions.log_out(opened.secret)
    assert await events(database, "bert") == [
        ("anna", "password", {"sessions_ended": 0}),
        ("bert", "log in", {"failed_before": 2}),
        ("bert", "log in", {"again": True, "failed_before": 0}),
        ("bert", "log out", None),
    ]
    report = await verify(database, by=ANNA)
    assert [each for each in report.differences if each.subject == "bert"] == []
