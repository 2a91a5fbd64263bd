"""Model calls of this process: a second attempt awaits the first.

Temporal starts a second attempt when it heard nothing of the first, also when the server or the network was at fault.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from src.domain.ids import CallId
from src.infrastructure.database.model_calls import CallRequest

Question = tuple[object, ...]


def question_of(request: CallRequest) -> Question:
    """Return what two attempts at the same question share."""
    return request.article_id, request.revision, request.stage, request.prompt_hash, request.round


class CallsInFlight:
    """The calls of one process, by question."""

    def __init__(self) -> None:
        self._ended: dict[Question, asyncio.Event] = {}
        self._sent: set[CallId] = set()

    async def wait_for(self, question: Question) -> None:
        """Wait until no attempt of this process asks the question.

        What came of it is in the ledger.
        """
        while ended := self._ended.get(question):
            await ended.wait()

    def note_sent(self, call_id: CallId) -> None:
        """Note that the model is asked from now on."""
        self._sent.add(call_id)

    def note_stored(self, call_id: CallId) -> None:
        """Note that the call's result is on record."""
        self._sent.discard(call_id)

    def was_sent(self, call_id: CallId) -> bool:
        """Return whether it was sent, and its result is not on record."""
        return call_id in self._sent

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
