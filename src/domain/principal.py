"""Who acts: a person, by a token perhaps, or a worker."""

from enum import StrEnum
from typing import Protocol, Self

from pydantic import BaseModel, ConfigDict, SecretStr

from .errors import Hint, NotPermitted
from .permissions import ALLOWED, OF_NO_SITE, Action
from .person import Person, Role, allows


class Origin(StrEnum):
    """Which door somebody came through."""

    COMMAND_LINE = "command line"
    API = "api"
    DESK = "desk"
    WORKER = "worker"


class Principal(BaseModel):
    """Who acts, from where, and within which bounds.

    Built for one request or command from rows that were just read, and never kept longer.
    """

    model_config = ConfigDict(frozen=True)

    name: str  # in the audit trail
    origin: Origin
    address: str | None = None  # a host, with the operating system's user; or the address of a request
    person: Person | None = None  # None: the machine's owner while there are no users, or a process
    token: str | None = None  # which one, as person/token
    scopes: frozenset[Role] = frozenset(Role)  # what they allow and the person's roles allow too
    site: str | None = None  # the only one that the token is for

    @classmethod
    def owner(cls, name: str, *, address: str | None = None) -> Self:
        """Return the machine's owner, who may do all without users."""
        return cls(name=name, origin=Origin.COMMAND_LINE, address=address)

    @classmethod
    def worker(cls, instance: str, *, address: str | None = None) -> Self:
        """Return a worker process, which acts for schedules and the watchdog."""
        return cls(name=instance, origin=Origin.WORKER, address=address)

    def may(self, action: Action, site: str | None) -> bool:
        """Return whether this is allowed on the site; None: on all."""
        if self.person is None:
            return True
        if self.site is not None and (self.site != site or action in OF_NO_SITE):
            return False
        return self.person.may(action, site) and allows(self.scopes, action)

    def sites(self, action: Action) -> frozenset[str] | None:
        """Return the sites on which this is allowed; None: on all."""
        if self.person is None or self.may(action, None):
            return None
        named = {self.site, *(grant.site for grant in self.person.grants)}
        return frozenset(site for site in named if site is not None and self.may(action, site))

    def sites_of(self, action: Action, site: str | None) -> frozenset[str] | None:
        """Return the sites that a list is about; None: all.

        With ``site`` it is that one. Raises NotPermitted for one on which this is not allowed.
        """
        if site is None:
            return self.sites(action)
        self.require(action, site)
        return frozenset({site})

    def require(self, action: Action, site: str | None) -> None:
        """Raise NotPermitted unless this is allowed on the site."""
        if not self.may(action, site):
            roles = [role.value for role in Role if role in ALLOWED[action]]
            raise NotPermitted(self.token or self.name, action, site=site, roles=roles, hint=Hint.GRANT_ROLE)


class Authentication(Protocol):
    """Finds out who a credential belongs to."""

    async def authenticate(self, credential: SecretStr, *, origin: Origin, address: str | None) -> Principal:
        """Return whose credential it is, from rows as they are now.

        Raises NotAuthenticated.
        """
        ...
