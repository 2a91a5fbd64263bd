"""Sessions: what a browser shows instead of a password."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, SecretStr

from .errors import LoginNotFresh, NotAuthenticated
from .principal import Principal

LIFETIME = timedelta(days=14)  # then the password is asked for, however busy the browser is
IDLE = timedelta(hours=12)  # a working day with its breaks, and not the next morning on a shared machine
FRESH = timedelta(minutes=10)  # within it the password counts as just given, for tokens and roles


class Subject(StrEnum):
    """Whose failed logins are counted, each apart."""

    NAME = "name"
    ADDRESS = "address"


class Session(BaseModel):
    """A session of a person without its secret id."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    user: str
    address: str | None  # from which it began
    began_at: datetime
    confirmed_at: datetime  # when the password was given last
    last_used_at: datetime  # to the minute
    expires_at: datetime
    ended_at: datetime | None

    def require_usable(self, now: datetime) -> None:
        """Raise NotAuthenticated for a session that was ended or is over."""
        if self.ended_at is not None:
            raise NotAuthenticated("ended")
        if now >= self.expires_at or now - self.last_used_at >= IDLE:
            raise NotAuthenticated("expired")

    def require_fresh(self, now: datetime) -> None:
        """Raise LoginNotFresh unless the password was given just now."""
        if now - self.confirmed_at > FRESH:
            raise LoginNotFresh(self.user, confirmed_at=self.confirmed_at)


class OpenedSession(BaseModel):
    """A new session with its secret id, which only the browser keeps."""

    model_config = ConfigDict(frozen=True)

    secret: SecretStr
    session: Session


class SignedIn(BaseModel):
    """Who uses a session, from rows as they are now."""

    model_config = ConfigDict(frozen=True)

    principal: Principal
    session: Session
