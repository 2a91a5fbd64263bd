"""The API on a real socket of this machine, served by this process."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from src.api.serving import GRACE_SECONDS, listen, serve
from src.bootstrap import Application


@asynccontextmanager
async def served(application: Application, port: int = 0) -> AsyncIterator[int]:
    """Serve the API on a real socket, and yield its port; leaving stops it as SIGTERM does."""
    listening = listen("127.0.0.1", port)
    lifeline, held = os.pipe()
    serving = asyncio.create_task(serve(application, listening, lifeline=lifeline))
    try:
        yield listening.getsockname()[1]
    finally:
        os.close(held)
        began = time.monotonic()
        await serving
        assert time.monotonic() - began < GRACE_SECONDS
        os.close(lifeline)
        listening.close()
