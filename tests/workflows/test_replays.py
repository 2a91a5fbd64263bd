"""A change that breaks a history is refused with the event and the line of code; today's code breaks none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHistory

from src.domain.colour import Colour
from src.infrastructure.temporal.replays import Break, Replays, replayed
from src.infrastructure.temporal.worker import WORKFLOWS
from tests.eventually import eventually
from tests.replays import HISTORIES, history

from . import broken_workflows
from .conftest import Batches, RunWorker, reported

_FILE = Path(broken_workflows.__file__)
_ARTICLE = next(file for file in HISTORIES if file.stem == "g5-article-needs_review")
_AFTER_A = 11  # B is scheduled


async def _broken(client: Client, *workflows: type, files: list[Path] = [_ARTICLE]) -> list[Break | None]:  # noqa: B006
    async def each() -> AsyncIterator[WorkflowHistory]:
        for file in files:
            yield history(file)

    return [broken async for _, broken in replayed(each(), workflows=workflows, client=client)]


def _line(text: str, *, nth: int = 0) -> int:
    lines = _FILE.read_text("utf-8").splitlines()
    return [number for number, line in enumerate(lines, 1) if text in line][nth]


@pytest.mark.parametrize(
    ("workflow", "line", "function"),
    [
        (broken_workflows.OneActivityMore, "await workflow.execute_activity", "_make"),
        (broken_workflows.OneTimerMore, "await asyncio.sleep", "run"),
        (broken_workflows.WaitsForNothing, "await workflow.wait_condition", "run"),
        (broken_workflows.Raises, "raise KeyError", "run"),
    ],
)
async def test_event_and_line_of_a_careless_change_are_named(
    client: Client, workflow: type, line: str, function: str
) -> None:
    (broken,) = await _broken(client, workflow)
    assert broken is not None
    assert broken.event == _AFTER_A, broken
    assert broken.place == f"tests/workflows/broken_workflows.py:{_line(line)} in {function}", broken
    assert "Nondeterminism" in broken.problem


async def test_an_error_in_workflow_code_is_named_with_its_line(client: Client) -> None:
    (broken,) = await _broken(client, broken_workflows.RaisesWhatNobodyKnows)
    assert broken is not None
    assert broken.place == f"tests/workflows/broken_workflows.py:{_line('raise EOFError')} in run", broken
    assert broken.event is not None


async def test_a_type_that_this_code_lacks_is_a_failure(client: Client) -> None:
    others = [each for each in WORKFLOWS if each.__name__ != "ArticleWorkflow"]
    (broken,) = await _broken(client, *others)
    assert broken is not None
    assert "ArticleWorkflow is not registered" in broken.problem


async def test_histories_of_all_generations_pass_one_after_another(client: Client) -> None:
    assert await _broken(client, *WORKFLOWS, files=list(HISTORIES)) == [None] * len(HISTORIES)


async def test_open_and_closed_workflows_of_the_server_are_replayed(
    client: Client, batches: Batches, run_worker: RunWorker, colour: Colour
) -> None:
    site = await batches.site(keywords=2)
    async with run_worker():
        await reported(await batches.start(site))
        sound, told = Replays(client, colours=[colour]), list[tuple[int, int]]()

        async def has_listed_all() -> bool:
            counts = {each.workflow_type: each for each in (await sound.replay()).counts}
            found = [
                counts[name] for name in ("SiteBatchWorkflow", "ArticleWorkflow", "ReviewWorkflow") if name in counts
            ]
            return [(each.open, each.closed) for each in found] == [(0, 1), (0, 2), (2, 0)]

        await eventually(has_listed_all)  # visibility lags behind
        whole = await sound.replay(tell=lambda done, total: told.append((done, total)))
        assert whole.failures == ()
        assert told[0][0] == 0
        assert told[-1][0] == told[-1][1] >= 5
        broken = [broken_workflows.OneActivityMore, *(each for each in WORKFLOWS if each.__name__ != "ArticleWorkflow")]
        failures = (await Replays(client, colours=[colour], workflows=broken).replay()).failures
        assert {(each.workflow_type, each.event, each.is_open) for each in failures} == {
            ("ArticleWorkflow", _AFTER_A, False)
        }
        assert len(failures) == 2
