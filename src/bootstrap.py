"""Where the database and Temporal are: those the environment names, else those on this machine, started if need be.

Both stay up as long as the block they open, or as any other process still uses them.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from src.domain.errors import InputInvalid, SettingProblem, SettingsInvalid
from src.infrastructure.database.engine import without_pooler
from src.infrastructure.embedded.postgres import postgres
from src.infrastructure.embedded.temporal import TemporalServer, temporal
from src.settings import Settings

_DRIVERS = ("postgres", "postgresql", "postgresql+asyncpg")


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """Yield the URL for SQLAlchemy of the database to use."""
    if settings.database_url is not None:
        yield normalised(settings.database_url.get_secret_value())
        return
    with postgres(settings.home) as url:
        yield without_pooler(url)


@contextmanager
def temporal_server(settings: Settings, *, ui: bool = True) -> Iterator[TemporalServer]:
    """Yield the Temporal server to use.

    To connect, pass what ``temporalio.envconfig`` loads with this address on top: namespace, TLS and key of a server
    that the environment names come from there.
    """
    if (address := _configured_address()) is not None:
        yield TemporalServer(address)
        return
    with temporal(settings.home, ui=ui) as server:
        yield server


def normalised(url: str) -> str:
    """Return any PostgreSQL URL as one for asyncpg, whatever the platform that hands it out calls its parts.

    Raises InputInvalid without showing the URL, which may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InputInvalid(
            "DATABASE_URL", "…", "it has to look like postgresql://user:password@host:5432/name"
        ) from error
    if parsed.drivername not in _DRIVERS:
        raise InputInvalid("DATABASE_URL", f"{parsed.drivername}://…", "only PostgreSQL: postgresql://…")
    query = dict(parsed.query)
    if "sslmode" in query:  # libpq's name for what asyncpg calls ssl
        query["ssl"] = query.pop("sslmode")
    query.pop("channel_binding", None)  # libpq's alone
    return parsed.set(drivername="postgresql+asyncpg", query=query).render_as_string(hide_password=False)


def _configured_address() -> str | None:
    """Return the address of TEMPORAL_ADDRESS or of the profile that Temporal's own variables and file select."""
    from temporalio.envconfig import ClientConfigProfile  # noqa: PLC0415 - half a second, for Temporal's users alone

    try:
        return ClientConfigProfile.load().address or None
    except RuntimeError as error:  # the bridge's only class for a file, profile or value it cannot read
        raise SettingsInvalid(SettingProblem("Temporal's configuration", str(error))) from error
