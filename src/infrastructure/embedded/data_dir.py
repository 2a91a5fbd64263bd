"""Data directories of embedded servers.

Below LONGTAIL_HOME, unless the account that root switches to has no access.

Root's home is closed to other users, and PostgreSQL does not run as root. Opening root's folders would be worse than
leaving them, so then, and only then, the data is put in a new folder of /var/lib/longtail, which survives a reboot as
/tmp would not, and a note in LONGTAIL_HOME says which: removing LONGTAIL_HOME starts with empty data, and the
old data stays there. Temporary data goes to the temporary folder instead, and is removed with its server.
"""

import errno
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.domain.errors import EngineUnavailable

from .account import Account, unprivileged

SYSTEM_STATE = Path("/var/lib/longtail")

_NOTE = "elsewhere"
_SPACE_BYTES = 100_000_000  # less than this explains most failures
_REMEDIES = {
    errno.ENOSPC: "free some space, or set LONGTAIL_HOME to a larger disk",
    errno.EDQUOT: "free some space, or set LONGTAIL_HOME to a larger disk",
    errno.ENOTDIR: "LONGTAIL_HOME has to be a folder",
    errno.EEXIST: "LONGTAIL_HOME has to be a folder",
    errno.ENOLCK: "this file system has no locks; set LONGTAIL_HOME to a local disk",
}


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what the operating system refuses into EngineUnavailable with a remedy."""
    try:
        yield
    except subprocess.TimeoutExpired as error:
        raise EngineUnavailable(
            f"{Path(error.cmd[0]).name} did not end within {error.timeout:.0f} s in {folder}"
        ) from error
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "set LONGTAIL_HOME to a folder that you can write to")
        raise EngineUnavailable(f"{error.filename or folder}: {error.strerror or error}; {remedy}") from error


def server_folder(home: Path, name: str) -> Path:
    """Return a server's folder below LONGTAIL_HOME, made if missing.

    It is closed to other users.
    """
    with explained(home):
        home = home.expanduser().resolve()
        folder = home / name
        account = unprivileged(folder / "data")
        if not home.is_dir():
            _make_home(home, account)
        folder.mkdir(exist_ok=True, mode=0o700)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    return folder


def _make_home(home: Path, account: Account) -> None:
    """Make the folder and its rights in one step.

    Other processes may start at the same moment.
    """
    if home.exists() and not home.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(home))
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))  # closed to others
    except OSError as error:
        error.filename = str(home)  # which a person knows
        raise
    if account.switch_user:
        account.grant_group(made, mode=0o710)
    try:
        made.rename(home)
    except OSError:
        made.rmdir()
        if not home.is_dir():
            raise


def current(folder: Path) -> Path:
    """Return the folder of the files.

    In ``folder``, or where its note points to.

    Raises EngineUnavailable where the note names no folder of ours: an empty start would hide the data.
    """
    try:
        elsewhere = Path((folder / _NOTE).read_bytes().decode(errors="replace").strip("\0\n"))
    except FileNotFoundError:
        return folder
    if elsewhere.is_dir() and _is_ours(elsewhere):
        return elsewhere
    if elsewhere.is_absolute() and SYSTEM_STATE not in elsewhere.parents:
        return folder  # temporary data, already removed
    raise EngineUnavailable(
        f"{folder / _NOTE} has to name the folder of the data below {SYSTEM_STATE}, but names {str(elsewhere)!r}; "
        "write it down there again, or remove that file to start with empty data"
    )


def resolve_data_dir(folder: Path, account: Account, *, durable: bool) -> Path:
    """Return the folder of the data; choose it at the first call.

    The account reaches it, and the choice is written down.
    """
    place = current(folder)
    is_new = place == folder and not (place / "data").exists()
    if is_new and not _grants_access(folder, account):
        place = _made_elsewhere(folder, account, durable=durable)
        (folder / _NOTE).write_text(f"{place}\n", encoding="utf-8")
    if not account.reaches(place):
        raise EngineUnavailable(
            f"PostgreSQL does not run as root, and user {account.uid} cannot enter {place}; "
            "set LONGTAIL_HOME to a folder that every user may cross, or run Longtail as an ordinary user"
        )
    return place


def remove(folder: Path) -> None:
    """Remove temporary files that are not in ``folder`` itself."""
    place = current(folder)
    if place != folder and SYSTEM_STATE not in place.parents:
        shutil.rmtree(place)
        (folder / _NOTE).unlink()


def shortage(place: Path) -> str:
    """Return a hint if the disk is nearly full."""
    free = shutil.disk_usage(place).free
    return f"; only {free // 1_000_000} MB are free in {place}" if free < _SPACE_BYTES else ""


def _grants_access(folder: Path, account: Account) -> bool:
    if account.switch_user:
        account.grant_group(folder, mode=0o710)
    return account.reaches(folder)


def _made_elsewhere(folder: Path, account: Account, *, durable: bool) -> Path:
    if durable:
        if not SYSTEM_STATE.exists():
            SYSTEM_STATE.mkdir(parents=True)
            SYSTEM_STATE.chmod(0o755)
        if not _is_ours(SYSTEM_STATE):
            raise EngineUnavailable(f"{SYSTEM_STATE} is not a folder that only root can change; make it one")
    place = Path(tempfile.mkdtemp(prefix="longtail-", dir=SYSTEM_STATE if durable else None)).resolve()
    (place / "home").write_text(f"{folder}\n", encoding="utf-8")
    account.grant_group(place, mode=0o710)
    return place


def _is_ours(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
