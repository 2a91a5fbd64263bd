"""People: their names and their roles, per site or for all sites."""

import re
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from .errors import InputInvalid
from .permissions import ALLOWED, OF_NO_SITE, Action, Role
from .text import visible

__all__ = ["Grant", "Person", "Role", "allows", "is_name", "parse_name", "parse_text", "public_name"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LONGEST = 120  # characters of a display name, an address, an operating system's user


class Grant(BaseModel):
    """A role on a site."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    role: Role
    site: str | None  # None: all sites


class Person(BaseModel):
    """Somebody who may act; never deleted, since the audit trail names him."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    name: str
    display_name: str
    email: str | None
    os_user: str | None  # who he is to the operating system of the command line
    disabled_at: datetime | None
    created_at: datetime
    grants: tuple[Grant, ...]  # by role, the one for all sites first

    def roles(self, site: str | None) -> frozenset[Role]:
        """Return his roles on the site; with None those for all sites."""
        return frozenset(grant.role for grant in self.grants if grant.site is None or grant.site == site)

    def may(self, action: Action, site: str | None) -> bool:
        """Return whether he may do this on the site; None: on all."""
        return self.disabled_at is None and allows(self.roles(_concerned(action, site)), action)

    @property
    def is_admin(self) -> bool:
        """Return whether he can appoint others."""
        return self.may(Action.USER_ROLE, None)

    @property
    def state(self) -> dict[str, Any]:
        """Return what the audit trail keeps of him."""
        return {
            "display_name": self.display_name,
            "email": self.email,
            "os_user": self.os_user,
            "disabled": self.disabled_at is not None,
            "roles": [grant.model_dump(mode="json") for grant in self.grants],
        }


def public_name(name: str, person: Person | None) -> str:
    """Return what a published page calls who has this name.

    The machine's owner is ``user@host`` in the audit trail; no host stands on a page.
    """
    return person.display_name if person else name.partition("@")[0]


def allows(roles: AbstractSet[Role], action: Action) -> bool:
    """Return whether one of the roles allows the action."""
    return not ALLOWED[action].isdisjoint(roles)


def _concerned(action: Action, site: str | None) -> str | None:
    return None if action in OF_NO_SITE else site


def is_name(text: str) -> bool:
    """Return whether somebody can be called so."""
    return _NAME.fullmatch(text) is not None


def parse_name(text: str, field: str = "name") -> str:
    """Return a name by which people and tokens are called. Raises InputInvalid."""
    if not is_name(text):
        remedy = "write 1 to 64 small letters, digits, dots, hyphens or underscores, a letter or digit first"
        raise InputInvalid(field, text, remedy)
    return text


def parse_text(text: str, field: str) -> str:
    """Return one visible line. Raises InputInvalid."""
    try:
        line = visible(text)
    except ValueError as error:
        raise InputInvalid(field, text, str(error)) from error
    if not 0 < len(line) <= _LONGEST:
        raise InputInvalid(field, text, f"write 1 to {_LONGEST} characters")
    return line
