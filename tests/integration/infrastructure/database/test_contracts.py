"""What a later version added is used on by the one before; what it took away is refused while older workers live."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from src.application.contracts import rollback_refusal
from src.application.databases import upgrade_database
from src.application.deployments import Deployments
from src.domain.colour import BLUE, GREEN
from src.domain.deployment import Routing
from src.domain.errors import Conflict, ConflictReason, SchemaOutdated
from src.infrastructure.database import schema
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.database.workers import RegisteredWorker
from tests.applications import ANNA

_MIGRATION = '''"""A migration of a later version."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"
{contract}

def upgrade() -> None:
    op.execute("SELECT 1")


def downgrade() -> None:
    op.execute("SELECT 1")
'''


class LaterVersion:
    """The migrations of a version that does not exist yet."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known = schema.newest_revision()
        self._real = schema._FOLDER
        self._folder = folder / "migrations"
        self._monkeypatch = monkeypatch
        shutil.copytree(self._real, self._folder)

    def add(self, revision: str, *, contract: bool = False) -> None:
        text_ = _MIGRATION.format(
            revision=revision, before=schema.newest_revision(), contract="contract = True" if contract else ""
        )
        (self._folder / "versions" / f"{revision}_later.py").write_text(text_, "utf-8")
        self._monkeypatch.setattr(schema, "_FOLDER", self._folder)

    def forget(self) -> None:
        """Be the version before again."""
        self._monkeypatch.setattr(schema, "_FOLDER", self._real)


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LaterVersion:
    return LaterVersion(tmp_path, monkeypatch)


def _worker(instance: str, migration: str | None) -> RegisteredWorker:
    return RegisteredWorker(
        instance=instance,
        colour=BLUE,
        host="here",
        pid=1,
        process_started_at=0,
        code_version="c0ffee",
        slots=1,
        migration=migration,
    )


async def _register(database: Database, instance: str, migration: str | None) -> None:
    worker = _worker(instance, migration)
    await database.run_autocommit(lambda uow: uow.workers.register(worker))


async def test_the_version_before_uses_a_database_that_was_expanded(fresh: Database, later: LaterVersion) -> None:
    later.add("9001")
    await upgrade_database(fresh, by=ANNA)
    later.forget()
    assert await schema.find_revision(fresh.engine) == "9001"
    await schema.require_current(fresh.engine)
    await upgrade_database(fresh, by=ANNA)  # leaves it as it is
    assert await schema.find_revision(fresh.engine) == "9001"
    assert await rollback_refusal(fresh, BLUE) is None


async def test_the_version_before_is_refused_once_the_schema_was_contracted(
    fresh: Database, later: LaterVersion
) -> None:
    await _register(fresh, "old", later.known)
    await fresh.run_autocommit(lambda uow: uow.workers.say_goodbye("old"))
    later.add("9001", contract=True)
    later.add("9002")
    await upgrade_database(fresh, by=ANNA)
    later.forget()
    with pytest.raises(SchemaOutdated, match="contract migration 9001"):
        await schema.require_current(fresh.engine)
    refusal = await rollback_refusal(fresh, BLUE)
    assert refusal is not None
    assert (refusal.migration, refusal.workers) == ("9001", ("old",))
    assert await rollback_refusal(fresh, GREEN) is None  # it never had a worker


async def test_a_contract_waits_for_workers_of_older_code(fresh: Database, later: LaterVersion) -> None:
    await _register(fresh, "silent", None)
    await _register(fresh, "old", later.known)
    await _register(fresh, "new", "9001")
    later.add("9001", contract=True)
    with pytest.raises(Conflict) as refused:
        await upgrade_database(fresh, by=ANNA)
    assert refused.value.reason is ConflictReason.CODE_TOO_OLD
    assert refused.value.details["workers"] == "old, silent"
    await upgrade_database(fresh, force=True, by=ANNA)
    assert await schema.find_oldest_code(fresh.engine) == "9001"


async def test_a_rollback_to_older_code_is_refused_with_the_reason(fresh: Database, later: LaterVersion) -> None:
    await _register(fresh, "old", later.known)
    later.add("9001", contract=True)
    await upgrade_database(fresh, force=True, by=ANNA)
    await fresh.run_autocommit(lambda uow: uow.routing.change(Routing(active=GREEN), by="test"))
    nothing: Any = None  # it is refused before Temporal is asked
    with pytest.raises(Conflict, match="9001 took away what the code of blue uses"):
        await Deployments(fresh, nothing, nothing, nothing, by=ANNA).roll_back()


async def test_workers_of_a_version_that_did_not_say_its_migration_count(fresh: Database, later: LaterVersion) -> None:
    await _register(fresh, "old", None)
    await schema.downgrade(fresh.engine, "0015")
    later.add("9001", contract=True)
    with pytest.raises(Conflict):
        await upgrade_database(fresh, by=ANNA)


async def test_going_down_takes_the_mark_away(fresh: Database, later: LaterVersion) -> None:
    later.add("9001", contract=True)
    await upgrade_database(fresh, by=ANNA)
    await schema.downgrade(fresh.engine, later.known)
    async with fresh.engine.connect() as connection:
        assert await connection.scalar(text("SELECT oldest_code FROM routing")) is None
    assert await schema.list_pending_contracts(fresh.engine) == ["9001"]
