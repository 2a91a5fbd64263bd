"""Versions of what several people edit: a hash names a state.

Who changes it says which state he has seen; a change of another one is refused with both.
"""

import hashlib
import json

from pydantic import BaseModel, ConfigDict

from .errors import ChangedMeanwhile, PreconditionMissing


class Expected(BaseModel):
    """The states that a change may be one of.

    Attributes:
        versions: their names.
        anything: any state will do, as long as there is one.
        nothing: there must be none yet.
    """

    model_config = ConfigDict(frozen=True)

    versions: frozenset[str] = frozenset()
    anything: bool = False
    nothing: bool = False

    def allows(self, version: str | None) -> bool:
        """Return whether this is one of them; None: there is no state."""
        if version is None:
            return self.nothing
        return self.anything or version in self.versions


def version_of(thing: BaseModel) -> str:
    """Return the name of the thing's state."""
    document = json.dumps(thing.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(document.encode()).hexdigest()[:32]


def require_expected(
    noun: str, key: str, expected: Expected, *, current: BaseModel | None, wanted: BaseModel | None
) -> None:
    """Raise ChangedMeanwhile unless the current state is one of the expected.

    Raises PreconditionMissing when none is.
    """
    if expected == Expected():
        raise PreconditionMissing(noun, key)
    version = version_of(current) if current else None
    if not expected.allows(version):
        raise ChangedMeanwhile(
            noun,
            key,
            version=version,
            current=current.model_dump(mode="json") if current else None,
            wanted=wanted.model_dump(mode="json") if wanted else {},
        )
