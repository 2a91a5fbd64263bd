"""API tokens: what scripts show instead of a person."""

import hashlib
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, field_serializer

from .person import Role

PREFIX = "longtail_"  # by which scanners of sources and logs find one that leaked


class ApiToken(BaseModel):
    """A token without its secret, of which only a hash is kept."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    user: str
    name: str  # of the user's tokens; free again once this one is revoked
    scopes: tuple[Role, ...]  # what it may use of the roles that the user has
    site: str | None  # None: every site that the user's roles are for
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None  # to the minute
    revoked_at: datetime | None

    @property
    def label(self) -> str:
        """Return how the audit trail calls it."""
        return f"{self.user}/{self.name}"

    @property
    def state(self) -> dict[str, Any]:
        """Return what the audit trail keeps of it."""
        return {
            "scopes": [scope.value for scope in self.scopes],
            "site": self.site,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }


class CreatedToken(BaseModel):
    """A new token with its secret, which is shown this once."""

    model_config = ConfigDict(frozen=True)

    token: ApiToken
    secret: SecretStr

    @field_serializer("secret", when_used="json")
    def _shown(self, secret: SecretStr) -> str:
        return secret.get_secret_value()


def fingerprint(secret: SecretStr) -> str:
    """Return the hash under which a token is stored.

    Plain SHA-256: a secret of 256 random bits cannot be guessed, so nothing has to slow the guessing.
    """
    return hashlib.sha256(secret.get_secret_value().encode()).hexdigest()
