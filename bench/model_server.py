"""A model server for measurements and story tests.

OpenAI's streaming wire on loopback, template text, calls counted.

It waits a fixed time before it answers, and keeps who asked what when, so that no test relies on the caller's own
count. ``with ModelServer(latency=1.0) as server:`` runs it in a separate process, which ends with this one.
"""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2
from pydantic import BaseModel, ConfigDict

from src.domain.stages import Stage

from .conditions import Conditions


class Call(BaseModel):
    """One question as it arrived.

    Times are of the machine's monotonic clock, so processes may compare them.
    """

    model_config = ConfigDict(frozen=True)

    stage: Stage
    keyword: str
    question: int  # equal for equal requests
    begun: float
    answered: float | None  # None while it waits, and for ever if the client went away


class Stats(BaseModel):
    """Calls since the last reset."""

    model_config = ConfigDict(frozen=True)

    calls: int
    answered: int
    in_flight: int
    max_in_flight: int
    by_stage_and_keyword: dict[Stage, dict[str, int]]
    refused: int  # requests that were not taken; they are not among the calls
    cpu_seconds: float  # of the server, since it started


class ModelServer:
    """The model server in its own process, on a free port."""

    def __init__(self, *, latency: float = 0.0) -> None:
        self._latency = latency

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.counting_server", "--latency", str(self._latency)],
            stdin=subprocess.PIPE,  # its lifeline: it ends with us, however we end
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        assert self._process.stdout is not None  # noqa: S101 - PIPE above
        self._root = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self._client = httpx2.Client(base_url=self._root, trust_env=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._process.communicate()  # closes its lifeline

    @property
    def url(self) -> str:
        """Return what ``OPENAI_BASE_URL`` is set to."""
        return f"{self._root}/v1"

    def stats(self) -> Stats:
        """Return what was counted so far."""
        return Stats.model_validate_json(self._client.get("/stats").content)

    def calls(self) -> list[Call]:
        """Return every call, in the order of arrival."""
        return [Call.model_validate(call) for call in self._client.get("/calls").json()]

    def reset(self, *, latency: float | None = None) -> None:
        """Reset the count.

        From now on an answer takes ``latency`` seconds, if given.
        """
        reset(self.url, latency=latency)

    def set_conditions(self, conditions: Conditions) -> None:
        """Let the conditions hold from now on."""
        self._client.post("/conditions", content=conditions.model_dump_json()).raise_for_status()


def reset(url: str, *, latency: float | None = None) -> None:
    """Reset the model server at ``url`` from any process."""
    with httpx2.Client(trust_env=False) as client:
        client.post(f"{url.removesuffix('/v1')}/reset", json={"latency": latency}).raise_for_status()
