"""A PostgreSQL data folder.

Made completely or not at all, with a password, since others share this loopback.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from src.domain.errors import EngineUnavailable

from .account import LOCALE, Account
from .binaries import Binaries
from .data_dir import shortage

USER = "postgres"
DATABASE = "longtail"

_UNFINISHED = "data.unfinished-"


def major(data: Path) -> int | None:
    """Return the data's major version, None without data."""
    if not data.exists():
        return None
    try:
        return int((data / "PG_VERSION").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError) as error:
        raise EngineUnavailable(
            f"{data} holds no readable PG_VERSION, so it is damaged or not PostgreSQL's; nothing was changed. "
            "Restore it from a backup, or set LONGTAIL_HOME to another folder to start with empty data"
        ) from error


def create(data: Path, account: Account, binaries: Binaries, *, durable: bool) -> None:
    """Initialise the data folder with the database in it.

    Every attempt has a folder of its own, since initdb keeps running for a while after its caller died.
    """
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=data.parent))
    account.own(unfinished, mode=0o700)
    secret = _set_password(data.parent, account)
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", f"--locale={LOCALE}"]
    access = ["--auth=scram-sha-256", f"--pwfile={secret}", f"--username={USER}"]
    initdb = [str(binaries.folder / "initdb"), "-D", str(unfinished), "--no-sync", "--no-instructions"]
    _checked(account.run([*initdb, *locale, *access]), data.parent)
    _say(f"CREATE DATABASE {DATABASE};", unfinished, account, binaries)
    if durable:
        _checked(account.run([*initdb[:3], "--sync-only"]), data.parent)
    unfinished.rename(data)


def sweep(data: Path) -> None:
    """Remove what interrupted attempts left.

    An attempt that still runs is left to the next start.
    """
    for left in data.parent.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)


def restore_password(data: Path, account: Account, binaries: Binaries) -> None:
    """Set a new password if its file was removed.

    Only while no server runs.
    """
    secret = data.with_name("password")
    if not secret.exists() or not secret.read_text(encoding="ascii").strip():
        _set_password(data.parent, account)
        _say(f"ALTER ROLE {USER} PASSWORD '{read_password(data)}';", data, account, binaries)


def read_password(data: Path) -> str:
    """Return the running server's password."""
    return data.with_name("password").read_text(encoding="ascii").strip()


def free_stale_pid(data: Path) -> None:
    """Remove the pid file of a postmaster that is gone.

    PostgreSQL refuses to start while any process of its user has that pid: a zombie, or after a reboot another program.
    Writing the pid of a process that has just ended keeps the rest of the file, so PostgreSQL still checks the shared
    memory it names for survivors of the dead one.
    """
    try:
        descriptor = os.open(data / "postmaster.pid", os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        _, _, rest = file.read().partition("\n")
        ended = subprocess.Popen(["/bin/sh", "-c", ":"])
        ended.wait()
        file.seek(0)
        file.truncate()
        file.write(f"{ended.pid}\n{rest}")


def _set_password(place: Path, account: Account) -> Path:
    file = place / "password"
    file.touch(mode=0o600)
    file.write_text(secrets.token_urlsafe(24) + "\n", encoding="ascii")
    account.grant_group(file, mode=0o640 if account.switch_user else 0o600)
    return file


def _say(statement: str, data: Path, account: Account, binaries: Binaries) -> None:
    """Run one statement without a server, so that nothing half-made ever listens."""
    alone = [str(binaries.folder / "postgres"), "--single", "-D", str(data), "-c", "exit_on_error=on", "postgres"]
    _checked(account.run(alone, text=statement + "\n"), data.parent)


def _checked(finished: subprocess.CompletedProcess[str], place: Path) -> None:
    if finished.returncode != 0:
        name = Path(finished.args[0]).name
        output = "\n".join(finished.stderr.strip().splitlines()[-5:])
        raise EngineUnavailable(f"{name} failed in {place}{shortage(place)}:\n{output}")
