"""Write the next migration from the difference between models and database.

The database is a new one on an embedded PostgreSQL, migrated to head and thrown away: no data of yours is read.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from src.bootstrap import open_local_postgres
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine

_ROOT = Path(__file__).resolve().parent.parent
_VERSIONS = _ROOT / "migrations" / "versions"


async def write_migration(url: str, name: str) -> None:
    """Migrate the database to head, then write the next revision."""
    number = max(int(file.name.partition("_")[0]) for file in _VERSIONS.glob("[0-9]*_*.py")) + 1

    def autogenerate(connection: Connection) -> None:
        config = Config(_ROOT / "alembic.ini", attributes={"connection": connection})
        command.revision(config, message=name, autogenerate=True, rev_id=f"{number:04}")

    engine = create_engine(url, pool_size=1)
    try:
        await schema.upgrade(engine)
        async with engine.begin() as connection:
            await connection.run_sync(autogenerate)
    finally:
        await engine.dispose()
    (file,) = _VERSIONS.glob(f"{number:04}_*.py")
    print(file.read_text("utf-8"))
    print(f"Read and correct {file.relative_to(_ROOT)}; changed CHECK constraints and renames are not seen. Then:")
    print("make check && make test ARGS=tests/integration/infrastructure/database")


def main() -> None:
    """Read the name from the command line."""
    name = " ".join(sys.argv[1:]).strip()
    if not name:
        raise SystemExit('give the migration a name: make migration NAME="what it does"')
    with tempfile.TemporaryDirectory(prefix="longtail-migration-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL may run as another user
        with open_local_postgres(Path(folder) / "home", durable=False) as url:
            asyncio.run(write_migration(url, name))


if __name__ == "__main__":
    main()
