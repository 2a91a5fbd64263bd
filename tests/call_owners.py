"""Owners of model calls, as workers are."""

import secrets
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from src.infrastructure.llm.call_owner import CallOwner
from src.infrastructure.llm.spool import Spool


def an_owner(instance: str = "blue@here", *, others_are_gone: bool = True, **changes: Any) -> CallOwner:
    """Return an owner whose spool is a folder that does not exist yet."""

    async def is_gone(worker: str, since: datetime) -> bool:
        return others_are_gone

    spool = Spool(Path(tempfile.gettempdir(), f"test-longtail-spool-{secrets.token_hex(8)}"))
    parts: dict[str, Any] = {"colour": "blue", "code_version": "test", "is_gone": is_gone, "spool": spool}
    return CallOwner(instance=instance, **parts | changes)
