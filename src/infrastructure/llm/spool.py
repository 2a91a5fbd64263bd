"""Spool: results of calls that the database did not take, in files."""

import os
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from src.domain.ids import CallId
from src.infrastructure.database.model_calls import CallResult
from src.infrastructure.database.unit_of_work import Database

log = structlog.get_logger()


class SpooledResult(BaseModel):
    """The result of one call."""

    model_config = ConfigDict(frozen=True)

    call_id: CallId
    result: CallResult


class Spool:
    """Results of calls, a file each, until the database takes them.

    Any process may store them: closing a call twice changes nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, call_id: CallId, result: CallResult) -> None:
        """Write the result to a file, completely or not at all."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._file(call_id)
        unfinished = file.with_suffix(f".{os.getpid()}")
        with unfinished.open("w", encoding="utf-8") as stream:
            stream.write(SpooledResult(call_id=call_id, result=result).model_dump_json())
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(file)
        log.warning("answer_spooled", file=str(file))

    def holds(self, call_id: CallId) -> bool:
        """Return whether the call's result waits here."""
        return self._file(call_id).exists()

    def forget(self, call_id: CallId) -> None:
        """Delete the file of a result that was stored."""
        self._file(call_id).unlink(missing_ok=True)

    def list_files(self) -> list[Path]:
        """Return the files that wait."""
        return sorted(self._folder.glob("*.json"))

    async def flush(self, database: Database) -> int:
        """Store every result that waits, and return how many.

        Raises what the database raises. A file that cannot be read stays where it is, with a warning.
        """
        stored = 0
        for file in self.list_files():
            try:
                kept = SpooledResult.model_validate_json(file.read_bytes())
            except FileNotFoundError:  # another process stored it
                continue
            except ValidationError as error:
                log.warning("spool_file_unreadable", file=str(file), problems=error.error_count())
                continue
            await database.run_autocommit(lambda uow, kept=kept: uow.model_calls.close(kept.call_id, kept.result))  # type: ignore[misc]
            self.forget(kept.call_id)
            stored += 1
            log.info("answer_stored_from_spool", call=str(kept.call_id))
        return stored

    def _file(self, call_id: CallId) -> Path:
        return self._folder / f"{call_id}.json"
