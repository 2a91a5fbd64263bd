"""Sessions: what a browser shows instead of a password."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


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
