"""Endpoint of a provider: address, key and connection pool."""

import ipaddress
from dataclasses import dataclass, field

import httpx2

from src.domain.errors import ModelNotConfigured
from src.settings import Settings

TIMEOUT = httpx2.Timeout(connect=5, read=90, write=30, pool=10)  # read is the silence between two chunks
TOTAL_SECONDS = 220.0  # for one call, below the 240 s after which Temporal gives the attempt up
CHECK_SECONDS = 15.0
NO_KEY = "no-key-needed"  # what compatible servers without keys are sent
_OFFICIAL = {"anthropic": "https://api.anthropic.com", "openai": "https://api.openai.com/v1"}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One provider as this process reaches it.

    Attributes:
        key_variable: the environment variable that an operator would correct.
        connections: how many calls may be open at once.
    """

    provider: str
    base_url: str
    key_variable: str
    connections: int
    api_key: str = field(default=NO_KEY, repr=False)

    @property
    def has_key(self) -> bool:
        """Return whether a key was given."""
        return self.api_key != NO_KEY

    @property
    def host(self) -> str:
        """Return the host alone."""
        return httpx2.URL(self.base_url).host

    @property
    def address(self) -> str:
        """Return the base URL for people.

        A password in it is left out.
        """
        return str(httpx2.URL(self.base_url).copy_with(userinfo=b""))

    def connect(self, transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
        """Open a connection pool; local servers are reached without a proxy.

        The SDKs' default clients read the proxy variables regardless of ``trust_env``, so both are handed this one.
        """
        return httpx2.AsyncClient(
            timeout=TIMEOUT,
            limits=httpx2.Limits(max_connections=self.connections, max_keepalive_connections=self.connections),
            follow_redirects=True,
            trust_env=not is_loopback(self.host),
            transport=transport,
        )


def endpoint_of(settings: Settings, provider: str) -> Endpoint:
    """Return the endpoint that ``settings`` describe.

    The address is always handed over, so that no SDK reads its own.

    Raises ModelNotConfigured when the key cannot be one.
    """
    anthropic = provider == "anthropic"
    secret = settings.anthropic_api_key if anthropic else settings.openai_api_key
    url = settings.anthropic_base_url if anthropic else settings.openai_base_url
    variable = "ANTHROPIC_API_KEY" if anthropic else "OPENAI_API_KEY"
    key = secret.get_secret_value().strip() if secret else ""
    if not (key.isascii() and key.isprintable()):
        raise ModelNotConfigured(
            f"{variable} holds characters that no key has; copy it again", provider=provider, variables=(variable,)
        )
    return Endpoint(
        provider=provider,
        base_url=str(url) if url else _OFFICIAL[provider],
        key_variable=variable,
        connections=2 * settings.model_slots,  # never the bottleneck: activities are limited to the slots
        api_key=key or NO_KEY,
    )


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
