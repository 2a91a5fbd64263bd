"""Model calls of this process: a second attempt awaits the first.

Temporal starts a second attempt when it heard nothing of the first, also when the server or the network was at fault.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from src.infrastructure.database.model_calls import CallRequest

Question = tuple[object, ...]


def question_of(request: CallRequest) -> Question:
    """Return what two attempts at the same question share."""
    return request.article_id, request.revision, request.stage, request.prompt_hash, request.round


class CallsInFlight:
    """The calls of one process, by question."""

    def __init__(self) -> None:
        self._ended: dict[Question, asyncio.Event] = {}

    async def wait_for(self, question: Question) -> None:
        """Wait until no attempt of this process asks the question.

        What came of it is in the ledger.
        """
        while ended := self._ended.get(question):
            await ended.wait()

    @contextmanager
    def asking(self, question: Question) -> Iterator[None]:
        """Let other attempts wait for the block."""
        ended = self._ended[question] = asyncio.Event()
        try:
            yield
        finally:
            ended.set()
            with suppress(KeyError):
                del self._ended[question]
