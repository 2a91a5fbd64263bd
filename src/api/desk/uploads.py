"""A list that somebody hands in: a file, or pasted text.

It is never served back as a file. Between the two steps of an import a small one travels in the page's own form; a
larger one is chosen again and compared with what was shown.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Self

from fastapi import Request
from starlette.datastructures import UploadFile

from src.domain.text import visible

KEPT_BYTES = 200_000  # of a list in the page: a field of a form may have a megabyte, and a page should not
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Upload:
    """What was handed in, and what it is called."""

    data: bytes
    name: str

    @classmethod
    async def read(cls, request: Request, *, pasted: str) -> Self | None:
        """Return what the form brought.

        None for nothing; ``pasted`` is what a text is called."""
        form = await request.form()
        file, text, kept = form.get("file"), form.get("text"), form.get("kept")
        if isinstance(file, UploadFile) and (file.filename or file.size):
            return cls(await file.read(), _named(file.filename or "", "file"))
        if isinstance(kept, str) and kept:
            return cls(_decoded(kept), _named(str(form.get("name", "")), "list"))
        if isinstance(text, str) and text.strip():
            return cls(text.encode(), pasted)
        return None

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def kept(self) -> str | None:
        """Return the bytes for the second step, None for too many."""
        return base64.b64encode(self.data).decode() if len(self.data) <= KEPT_BYTES else None


def _decoded(kept: str) -> bytes:
    try:
        return base64.b64decode(kept, validate=True)
    except binascii.Error:  # not from our form: its hash will not be that of what was shown
        return b""


def _named(given: str, otherwise: str) -> str:
    try:
        return visible(given.replace("\\", "/").rpartition("/")[2])[:_LONGEST_NAME] or otherwise
    except ValueError:
        return otherwise
