"""PostgreSQL of this machine survives what happens to laptops, and never takes anybody else's process for its own."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import pytest

from src.domain.errors import EngineUnavailable
from src.infrastructure.embedded import process
from src.infrastructure.embedded.account import Account, unprivileged
from src.infrastructure.embedded.postgres import postgres

OtherUser = Callable[[str, Path], Any]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="concerns root alone")


async def asked(url: str, *queries: str) -> Any:
    """What the last of some queries returns."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return [await connection.fetchval(query) for query in queries][-1]
    finally:
        await connection.close()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def postmaster(home: Path) -> int:
    return int((home / "postgres/data/postmaster.pid").read_text().split()[0])


async def test_the_first_start_makes_a_database_in_utf8(home: Path) -> None:
    with postgres(home) as url:
        assert (
            await asked(url, "SELECT current_database() || ' ' || current_setting('server_encoding')")
            == "longtail UTF8"
        )
        assert await asked(url, "SELECT datlocale FROM pg_database WHERE datname = 'longtail'") == "C.UTF-8"


async def test_nobody_comes_in_without_the_password(home: Path) -> None:
    with postgres(home, durable=False) as url:
        assert mode(home / "postgres/password") & 0o007 == 0
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asked(url.replace(url.split(":")[2].split("@")[0], "guessed"), "SELECT 1")


async def test_a_second_process_joins_and_the_last_one_out_stops_it(
    home: Path, other_user: OtherUser, ended: Callable[[int], None]
) -> None:
    with postgres(home, durable=False) as url:
        other = other_user("postgres", home)
        assert other.address() == url
        pid = postmaster(home)
    assert await asked(url, "SELECT 1") == 1
    other.leave()
    ended(pid)


async def test_processes_that_start_at_once_share_one_server(home: Path, other_user: OtherUser) -> None:
    others = [other_user("postgres", home) for _ in range(4)]
    assert len({other.address() for other in others}) == 1
    for other in others:
        other.leave()
    assert not (home / "postgres/data/postmaster.pid").exists()


async def test_data_and_port_are_the_same_next_time(home: Path) -> None:
    with postgres(home) as first:
        await asked(first, "CREATE TABLE kept AS SELECT 7 AS n")
    with postgres(home) as second:
        assert second == first
        assert await asked(second, "SELECT n FROM kept") == 7


async def test_a_killed_postmaster_is_replaced_at_once(home: Path) -> None:
    with postgres(home) as url:
        await asked(url, "CREATE TABLE kept AS SELECT 7 AS n")
        os.kill(postmaster(home), signal.SIGKILL)
        with postgres(home) as again:
            assert await asked(again, "SELECT n FROM kept") == 7


async def test_the_server_of_a_killed_process_is_found_again(
    home: Path, other_user: OtherUser, ended: Callable[[int], None]
) -> None:
    other = other_user("postgres", home)
    url, pid = other.address(), postmaster(home)
    other.kill()
    with postgres(home, durable=False) as again:
        assert (again, postmaster(home)) == (url, pid)
        assert await asked(again, "SELECT 1") == 1
    ended(pid)


async def test_a_process_killed_together_with_its_server_leaves_nothing_in_the_way(
    home: Path, other_user: OtherUser
) -> None:
    other = other_user("postgres", home)
    other.address()
    other.kill()
    os.kill(postmaster(home), signal.SIGKILL)
    with postgres(home, durable=False) as url:
        assert await asked(url, "SELECT 1") == 1


async def test_two_homes_stand_side_by_side(home: Path) -> None:
    with postgres(home, durable=False) as one, postgres(home.with_name("home 2 'b'"), durable=False) as two:
        await asked(one, "CREATE TABLE only_here ()")
        assert await asked(two, "SELECT to_regclass('only_here')") is None


async def test_a_port_that_somebody_took_is_left_to_them(home: Path, occupy: Callable[[int], None]) -> None:
    with postgres(home, durable=False) as url:
        taken = int(url.rpartition(":")[2].partition("/")[0])
    occupy(taken)
    with postgres(home, durable=False) as other:
        assert f":{taken}/" not in other
        assert await asked(other, "SELECT 1") == 1


async def test_a_stranger_with_the_old_pid_is_left_alone(home: Path) -> None:
    with postgres(home, durable=False):
        note = (home / "postgres/data/postmaster.pid").read_text()
    account = unprivileged(home / "postgres/data")
    stranger = int(account.run(["/bin/sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"]).stdout)
    stale = home / "postgres/data/postmaster.pid"
    stale.write_text(note.replace(note.split()[0], str(stranger), 1))
    account.own(stale, mode=0o600)
    with postgres(home, durable=False) as url:
        assert await asked(url, "SELECT 1") == 1
    assert process.find(stranger) is not None
    os.kill(stranger, signal.SIGKILL)


async def test_damaged_notes_do_not_stand_in_the_way(home: Path) -> None:
    with postgres(home, durable=False):
        pass
    (home / "postgres/port").write_bytes(b"\xff\x00 42 99999999")
    (home / "postgres/data/postmaster.pid").write_text("not a pid")
    unprivileged(home / "postgres/data").own(home / "postgres/data/postmaster.pid", mode=0o600)
    with postgres(home, durable=False) as url:
        assert await asked(url, "SELECT 1") == 1


async def test_a_removed_password_is_replaced(home: Path) -> None:
    with postgres(home, durable=False) as first:
        pass
    (home / "postgres/password").unlink()
    with postgres(home, durable=False) as second:
        assert second != first
        assert await asked(second, "SELECT 1") == 1


async def test_an_interrupted_first_start_is_made_again(home: Path) -> None:
    unfinished = home / "postgres/data.unfinished-x"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    for folder in (home, home / "postgres"):
        unprivileged(home / "postgres/data").grant_group(folder, mode=0o710)
    with postgres(home, durable=False) as url:
        assert await asked(url, "SELECT 1") == 1
    assert not await asyncio.to_thread(unfinished.exists)


@pytest.mark.parametrize("moment", ["data.unfinished-*", "data.unfinished-*/PG_VERSION", "data", "data/postmaster.pid"])
async def test_a_first_start_killed_at_any_moment_is_made_up_for_at_once(
    moment: str, home: Path, other_user: OtherUser
) -> None:
    other = other_user("postgres", home)
    while not any((home / "postgres").glob(moment)):
        assert other.process.poll() is None
    other.kill()
    with postgres(home, durable=False) as url:
        assert await asked(url, "SELECT 1") == 1


def test_data_of_another_major_version_is_refused_and_untouched(home: Path) -> None:
    with postgres(home, durable=False):
        pass
    (home / "postgres/data/PG_VERSION").write_text("14\n")
    with pytest.raises(EngineUnavailable, match=r"written by PostgreSQL 14.*nothing was changed.*LONGTAIL_HOME"):
        postgres(home).__enter__()
    assert (home / "postgres/data/base").is_dir()


def test_a_folder_that_is_not_a_database_is_refused_and_untouched(home: Path) -> None:
    letter = home / "postgres/data/letter.txt"
    letter.parent.mkdir(parents=True)
    letter.write_text("dear reader")
    with pytest.raises(EngineUnavailable, match=r"PG_VERSION.*nothing was changed"):
        postgres(home).__enter__()
    assert letter.exists()


def test_a_new_home_is_made_once_by_processes_that_start_together(home: Path) -> None:
    make = "import sys, pathlib; from src.infrastructure.embedded.data_dir import server_folder as make; input(); "
    make += "print(make(pathlib.Path(sys.argv[1]), sys.argv[2]))"
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", make, str(home / "deep" / "home"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("postgres", "temporal") * 4
    ]
    for each in starting:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    assert {Path(each.communicate()[0].strip()).name for each in starting} == {"postgres", "temporal"}
    assert [each.name for each in (home / "deep").iterdir()] == ["home"]


def test_a_home_that_is_a_file_is_named(home: Path) -> None:
    home.write_text("")
    with pytest.raises(EngineUnavailable, match=f"{home}.*LONGTAIL_HOME has to be a folder"):
        postgres(home).__enter__()


def test_a_home_that_cannot_be_written_is_named(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(EngineUnavailable, match=f"{small_disk}.*[Rr]ead-only.*that you can write to"):
        postgres(small_disk / "home").__enter__()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_of_somebody_else_is_named(home: Path) -> None:
    home.mkdir(mode=0o500)
    with pytest.raises(EngineUnavailable, match=f"{home}.*that you can write to"):
        postgres(home).__enter__()


def test_a_full_disk_is_named_and_leaves_no_half_made_data(small_disk: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"only \d+ MB are free|No space left"):
        postgres(small_disk / "home").__enter__()
    assert not (small_disk / "home/postgres/data").exists()


@as_root
async def test_root_keeps_data_elsewhere_when_its_home_is_closed(
    closed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = closed_home.parent.with_name(closed_home.parent.name + "-state")
    monkeypatch.setattr("src.infrastructure.embedded.data_dir.SYSTEM_STATE", state)
    try:
        with postgres(closed_home) as url:
            await asked(url, "CREATE TABLE kept AS SELECT 7 AS n")
        elsewhere = Path((closed_home / "postgres/elsewhere").read_text().strip())
        assert elsewhere.parent == state
        assert mode(elsewhere) == 0o710
        assert mode(closed_home.parent) == 0o700, "what it did not make keeps its mode"
        with postgres(closed_home) as url:
            assert await asked(url, "SELECT n FROM kept") == 7
        (closed_home / "postgres/elsewhere").write_bytes(b"\xff")
        with pytest.raises(EngineUnavailable, match="elsewhere has to name the folder of the data"):
            postgres(closed_home).__enter__()
    finally:
        shutil.rmtree(state)


@as_root
async def test_throw_away_data_elsewhere_is_thrown_away(closed_home: Path) -> None:
    with postgres(closed_home, durable=False) as url:
        elsewhere = Path((closed_home / "postgres/elsewhere").read_text().strip())
        assert await asked(url, "SELECT 1") == 1
    assert not await asyncio.to_thread(elsewhere.exists)
    with postgres(closed_home, durable=False) as url:
        assert await asked(url, "SELECT 1") == 1


@as_root
async def test_root_never_owns_the_server(home: Path) -> None:
    with postgres(home, durable=False):
        server = process.find(postmaster(home))
        assert server is not None
        assert server.uid in {pwd.getpwnam(name).pw_uid for name in ("postgres", "nobody")}
        assert mode(home / "postgres/data") == 0o700


def test_without_any_postgresql_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.infrastructure.embedded.binaries._candidates", lambda: iter(()))
    with pytest.raises(EngineUnavailable, match=r"no PostgreSQL 17 or newer.*make setup.*DATABASE_URL"):
        postgres(home).__enter__()


def test_the_processes_listed_by_ps_are_those_in_proc(home: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(postgres(home, durable=False))
        pid = postmaster(home)
        listed = next(process._listed("-p", str(pid)))
        found = process.find(pid)
        assert found is not None
        assert (listed.pid, listed.uid) == (found.pid, found.uid)
        assert process.is_marked(listed, f"/postgres -D {home}/postgres/data -p ")


def test_an_account_is_lent_only_by_root() -> None:
    mine: Account = unprivileged(Path("/nowhere"))
    assert mine.switch_user == (os.geteuid() == 0)
    assert mine.uid != 0
