"""Opens, finds and ends sessions of people in the desk."""

from pydantic import BaseModel, ConfigDict, SecretStr

from src.domain.principal import Principal
from src.domain.session import Session
from src.infrastructure.database.unit_of_work import Database


class SignedIn(BaseModel):
    """Who is logged in, and by which session."""

    model_config = ConfigDict(frozen=True)

    principal: Principal
    session: Session


class Sessions:
    """The sessions of people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def identify(self, secret: SecretStr, *, address: str | None) -> SignedIn:
        """Return who has this session. Raises NotAuthenticated."""
        raise NotImplementedError
