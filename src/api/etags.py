"""Entity tags: which state a change is one of (RFC 9110, 13)."""

import re
from typing import Annotated

from fastapi import Depends, Header, Response
from pydantic import BaseModel

from src.domain.versions import Expected, version_of

_TAG = re.compile(r'"([0-9a-f]{32})"')  # strong ones of ours; a weak or foreign one matches nothing
_Value = Annotated[str | None, Header(max_length=1000)]


def tag(response: Response, thing: BaseModel) -> None:
    """Set the answer's ETag to the thing's state."""
    response.headers["ETag"] = f'"{version_of(thing)}"'


def _read(if_match: _Value = None, if_none_match: _Value = None) -> Expected:
    """Return what the conditions expect; without any, nothing at all."""
    given = if_match or ""
    return Expected(
        versions=frozenset(_TAG.findall(given)) or frozenset({"none of ours"} if given else ()),
        anything=given.strip() == "*",
        nothing=(if_none_match or "").strip() == "*",
    )


Expecting = Annotated[Expected, Depends(_read)]
