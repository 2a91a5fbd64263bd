"""Entity tags: which state a change is one of (RFC 9110, 13)."""

import re
from typing import Annotated

from fastapi import Depends, Header, Response
from pydantic import BaseModel

from src.domain.errors import InputInvalid
from src.domain.revision import RevisionSummary
from src.domain.versions import Expected, version_of

_TAG = re.compile(r'"([0-9a-f]{32})"')  # strong ones of ours; a weak or foreign one matches nothing
_TEXT_TAG = re.compile(r'"([0-9a-f]{64})"')
_Value = Annotated[str | None, Header(max_length=1000)]


def tag(response: Response, thing: BaseModel) -> None:
    """Set the answer's ETag to the thing's state."""
    response.headers["ETag"] = f'"{version_of(thing)}"'


def tag_text(response: Response, text: RevisionSummary) -> None:
    """Set the answer's ETag to the hash of the text."""
    response.headers["ETag"] = f'"{text.content_hash}"'


def _read(if_match: _Value = None, if_none_match: _Value = None) -> Expected:
    """Return what the conditions expect; without any, nothing at all."""
    given = if_match or ""
    return Expected(
        versions=frozenset(_TAG.findall(given)) or frozenset({"none of ours"} if given else ()),
        anything=given.strip() == "*",
        nothing=(if_none_match or "").strip() == "*",
    )


Expecting = Annotated[Expected, Depends(_read)]


def _read_text(if_match: _Value = None) -> str | None:
    """Return the hash of the text that the condition names.

    Raises InputInvalid: a text is changed by who has read it, so that any text or one of several will not do.
    """
    if if_match is None:
        return None
    if found := _TEXT_TAG.fullmatch(if_match.strip()):
        return found[1]
    raise InputInvalid("If-Match", if_match[:80], "send the ETag of the text that you changed, and no other")


ExpectingText = Annotated[str | None, Depends(_read_text)]
"""The hash of the text in If-Match."""
