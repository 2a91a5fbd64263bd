"""The use cases on the engines of a test, as one person or worker."""

from datetime import datetime

from temporalio.client import Client

from src.bootstrap import Application
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from src.settings import Settings

ANNA = Principal.owner("anna", address="here")


def an_application(
    client: Client, database: Database, *, who: str = "anna", settings: Settings | None = None
) -> Application:
    """Return an application whose Temporal is not known to be local, so that no models are checked."""
    server = TemporalServer(client.service_client.config.target_host, None, None)
    return Application(settings or Settings.model_construct(), database, client, server, Principal.owner(who))


async def nobody_is_gone(worker: str, since: datetime) -> bool:
    """Every worker lives, for a watchdog without a registration."""
    return False
