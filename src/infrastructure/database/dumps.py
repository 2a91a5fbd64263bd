"""Dumps of the database, by PostgreSQL's own programs."""

import asyncio
import os
from pathlib import Path
from typing import IO

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from src.domain.errors import BackupFailed

_PART = ".part"  # until a dump is whole


async def dump(engine: AsyncEngine, file: Path, *, programs: Path) -> int:
    """Write the database to ``file``, which is whole or not there.

    It is one snapshot in PostgreSQL's custom format; work goes on meanwhile. Return its size in bytes. Raises
    BackupFailed with what pg_dump said.
    """
    part = file.with_name(file.name + _PART)
    try:
        with part.open("wb") as stream:
            part.chmod(0o600)  # it holds every text and the hashes of passwords
            await _run(
                programs / "pg_dump", "--format=custom", "--no-owner", "--no-privileges", url=engine.url, out=stream
            )
            os.fsync(stream.fileno())
            size = os.fstat(stream.fileno()).st_size
        await list_contents(part, programs=programs)
        part.rename(file)
    except OSError as error:
        raise BackupFailed(str(file), error.strerror or str(error)) from error
    finally:
        part.unlink(missing_ok=True)
    return size


async def restore(engine: AsyncEngine, file: Path, *, programs: Path) -> None:
    """Replace the database's tables by those of a dump, all or none.

    Raises BackupFailed with what pg_restore said.
    """
    await list_contents(file, programs=programs)
    await _run(
        programs / "pg_restore",
        "--clean",
        "--if-exists",
        "--no-owner",
        "--no-privileges",
        "--single-transaction",
        f"--dbname={engine.url.database}",
        str(file),
        url=engine.url,
    )


async def list_contents(file: Path, *, programs: Path) -> list[str]:
    """Return what a dump holds. Raises BackupFailed for any other file."""
    try:
        listed = await _run(programs / "pg_restore", "--list", str(file))
    except BackupFailed as error:
        raise BackupFailed(str(file), f"it is no dump in PostgreSQL's custom format ({error.problem})") from error
    return [line for line in listed.splitlines() if line and not line.startswith(";")]


async def _run(
    program: Path, *arguments: str, url: URL | None = None, out: IO[bytes] | int = asyncio.subprocess.PIPE
) -> str:
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env=_environment(url),
        stdout=out,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, complaint = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise BackupFailed(program.name, complaint.decode(errors="replace").strip())
    return (printed or b"").decode(errors="replace")


def _environment(url: URL | None) -> dict[str, str]:
    """Return libpq's variables for the URL.

    A password on a command line could be seen by others.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}  # noqa: TID251 - for its PATH and locale
    if url is None:
        return inherited
    named = {
        "PGHOST": url.host,
        "PGPORT": url.port and str(url.port),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGSSLMODE": url.query.get("ssl"),
    }
    return inherited | {name: str(value) for name, value in named.items() if value}
