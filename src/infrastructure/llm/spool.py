"""Spool: results of calls that the database did not take, in files.

Where no file can be written either, a result is in the memory of its process alone, and both are tried again.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from src.domain.ids import ArticleId, CallId
from src.domain.stages import Stage
from src.infrastructure.database.model_calls import CallResult
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.workers.process import started_at

log = structlog.get_logger()

_UNFINISHED = re.compile(r"[0-9a-f-]{36}\.(\d+)")  # a call's id and the process that writes the file


class SpooledResult(BaseModel):
    """The result of one call."""

    model_config = ConfigDict(frozen=True)

    call_id: CallId
    result: CallResult


class Asked(NamedTuple):
    """The question that a call asked, as people know it."""

    article: ArticleId
    stage: Stage

    def __str__(self) -> str:
        return f"article {self.article} stage {self.stage}"


class Spool:
    """Results of calls, a file each, until the database takes them.

    Any process may store them: closing a call twice changes nothing. A process has one spool.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._in_memory: dict[CallId, Asked] = {}
        self._problem: str | None = None  # of the folder, as it was logged last
        self._skipped: set[Path] = set()  # files that are done with, and could not be deleted or renamed

    @property
    def in_memory(self) -> list[Asked]:
        """Return the questions whose answers no file holds."""
        return sorted(self._in_memory.values())

    @property
    def problem(self) -> str | None:
        """Return the folder and the system's words for its problem."""
        return self._problem

    def keep(self, call_id: CallId, result: CallResult, asked: Asked) -> bool:
        """Write the result to a file, completely or not at all.

        Return whether it is there. If not, the caller keeps the result and tries again; what is wrong is logged once.
        """
        if result.answer is not None:
            self._in_memory[call_id] = asked
        try:
            self._write(call_id, result)
        except OSError as error:
            self._note(error)
            return False
        self._in_memory.pop(call_id, None)
        if self._problem:
            log.info("spool_usable_again", folder=str(self._folder))
            self._problem = None
        return True

    def _write(self, call_id: CallId, result: CallResult) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._file(call_id)
        unfinished = file.with_suffix(f".{os.getpid()}")
        try:
            with unfinished.open("w", encoding="utf-8") as stream:
                stream.write(SpooledResult(call_id=call_id, result=result).model_dump_json())
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.replace(file)
        except OSError:
            with suppress(OSError):  # it would take room that the next try needs
                unfinished.unlink(missing_ok=True)
            raise
        log.warning("answer_spooled", file=str(file))

    def holds(self, call_id: CallId) -> bool:
        """Return whether the call's result waits here."""
        try:
            return self._file(call_id).exists()
        except OSError:  # nobody may look into the folder
            return False

    def forget(self, call_id: CallId) -> None:
        """Drop a result that was stored."""
        self._in_memory.pop(call_id, None)
        if not self.holds(call_id):
            return
        file = self._file(call_id)
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            self._note(error)
            self._skipped.add(file)  # else it would be stored again at every flush

    def list_files(self) -> list[Path]:
        """Return the files that wait."""
        return sorted(set(self._folder.glob("*.json")) - self._skipped)

    def remove_unfinished(self) -> None:
        """Delete files that a process which ended was writing.

        At the start of a process also those of its own id, which another one had before.
        """
        for file in self._folder.glob("*.*"):
            found = _UNFINISHED.fullmatch(file.name)
            if found and (int(found[1]) == os.getpid() or started_at(int(found[1])) is None):
                try:
                    file.unlink(missing_ok=True)
                except OSError as error:
                    self._note(error)
                    return
                log.info("unfinished_file_removed", file=str(file))

    async def flush(self, database: Database) -> int:
        """Store every result that waits, and return how many.

        Raises what the database raises. A file that holds no result is set aside, with a warning.
        """
        stored = 0
        for file in self.list_files():
            try:
                kept = SpooledResult.model_validate_json(file.read_bytes())
            except FileNotFoundError:  # another process stored it
                continue
            except OSError as error:
                self._note(error)
                continue
            except ValidationError as error:
                self._set_aside(file, error)
                continue
            await database.run_autocommit(lambda uow, kept=kept: uow.model_calls.close(kept.call_id, kept.result))  # type: ignore[misc]
            self.forget(kept.call_id)
            stored += 1
            log.info("answer_stored_from_spool", call=str(kept.call_id))
        return stored

    def _set_aside(self, file: Path, error: ValidationError) -> None:
        """Rename a file that holds no result: it is told of once."""
        aside = file.with_suffix(".unreadable")
        try:
            size = file.stat().st_size
            file.replace(aside)
        except FileNotFoundError:  # another process did
            return
        except OSError as refused:
            self._note(refused)
            self._skipped.add(file)
            return
        first = error.errors(include_input=False, include_url=False)[0]["msg"]
        log.warning(
            "spool_file_unreadable",
            file=str(aside),
            size=size,
            problem=first,
            meaning="it should hold a paid answer of the call that it is named after; that call is written off",
        )

    def _file(self, call_id: CallId) -> Path:
        return self._folder / f"{call_id}.json"

    def _note(self, error: OSError) -> None:
        """Log what is wrong with the folder, once until that changes."""
        problem = f"{self._folder}: {error.strerror or type(error).__name__}"
        if problem != self._problem:
            self._problem = problem
            log.error("spool_not_usable", folder=str(self._folder), error=error.strerror, number=error.errno)
