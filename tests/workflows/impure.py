"""Workflows as nobody may write them: each reads what differs when it is replayed."""

import random
import socket
import time
import uuid
from datetime import datetime

from temporalio import workflow


@workflow.defn
class ReadsTheClock:
    @workflow.run
    async def run(self) -> str:
        return datetime.now().isoformat()  # noqa: DTZ005


@workflow.defn
class ReadsTheTime:
    @workflow.run
    async def run(self) -> str:
        return str(time.time())


@workflow.defn
class DrawsANumber:
    @workflow.run
    async def run(self) -> str:
        return str(random.random())  # noqa: S311


@workflow.defn
class DrawsAnId:
    @workflow.run
    async def run(self) -> str:
        return str(uuid.uuid4())


@workflow.defn
class CallsTheNetwork:
    @workflow.run
    async def run(self) -> str:
        socket.create_connection(("127.0.0.1", 1))
        return ""


@workflow.defn
class ReadsAFile:
    @workflow.run
    async def run(self) -> str:
        with open(__file__) as file:  # noqa: PTH123, ASYNC230
            return file.read()


IMPURE: list[type] = [ReadsTheClock, ReadsTheTime, DrawsANumber, DrawsAnId, CallsTheNetwork, ReadsAFile]
