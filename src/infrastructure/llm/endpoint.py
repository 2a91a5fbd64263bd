"""Endpoint of a provider: address, key and connection pool."""

import hashlib
import ipaddress
from dataclasses import dataclass, field

import httpx2

from src.domain.errors import ModelNotConfigured
from src.settings import Settings

CHECK_SECONDS = 9.0  # two providers' lists and names take less than policies.MODEL_CHECK has
START_SECONDS = 30.0  # of a call, before its tokens come at the slowest rate
_VENDORS_RATE = 60.0  # tokens/s below which a vendor's own host is out of order
_ANY_RATE = 4.0  # tokens/s of a large model on an ordinary machine; policies.MODEL_STAGE has time for it
_SHORTEST_SILENCE = 90.0  # seconds between two chunks
_SILENT_TOKENS = 1200  # a slow server reads the prompt as long as it writes these, and is silent meanwhile
NO_KEY = "no-key-needed"  # what compatible servers without keys are sent
_VENDORS_OWN = {"anthropic": (".anthropic.com",), "openai": (".openai.com", ".azure.com")}
_OFFICIAL = {"anthropic": "https://api.anthropic.com", "openai": "https://api.openai.com/v1"}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One provider as this process reaches it.

    Attributes:
        key_variable: the environment variable that an operator would correct.
        connections: how many calls may be open at once.
        slowest_rate: tokens per second that are accepted; None is that of the host.
    """

    provider: str
    base_url: str
    key_variable: str
    connections: int
    api_key: str = field(default=NO_KEY, repr=False)
    slowest_rate: float | None = None

    @property
    def has_key(self) -> bool:
        """Return whether a key was given."""
        return self.api_key != NO_KEY

    @property
    def host(self) -> str:
        """Return the host alone."""
        return httpx2.URL(self.base_url).host

    @property
    def is_vendors_own(self) -> bool:
        """Return whether the vendor itself serves it."""
        return f".{self.host}".endswith(_VENDORS_OWN[self.provider])

    @property
    def rate(self) -> float:
        """Return the tokens per second that are expected at least."""
        return self.slowest_rate or (_VENDORS_RATE if self.is_vendors_own else _ANY_RATE)

    def total_seconds(self, tokens: int) -> float:
        """Return how long a call may take that writes so many tokens."""
        return tokens / self.rate + START_SECONDS

    def timeout(self, tokens: int) -> httpx2.Timeout:
        """Return the limits inside that call.

        To read is the silence between two chunks.
        """
        silence = max(_SHORTEST_SILENCE, _SILENT_TOKENS / self.rate)
        return httpx2.Timeout(connect=5, read=min(silence, self.total_seconds(tokens)), write=30, pool=10)

    @property
    def address(self) -> str:
        """Return the base URL for people.

        A password in it is left out.
        """
        return str(httpx2.URL(self.base_url).copy_with(userinfo=b""))

    @property
    def account(self) -> str:
        """Return the address with a mark of the key.

        Another key may be refused what this one is given.
        """
        if not self.has_key:
            return self.address
        return f"{self.address} key {hashlib.sha256(self.api_key.encode()).hexdigest()[:8]}"

    def connect(self, transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
        """Open a connection pool; local servers are reached without a proxy.

        The SDKs' default clients read the proxy variables regardless of ``trust_env``, so both are handed this one.
        """
        return httpx2.AsyncClient(
            timeout=self.timeout(0),  # each call has its own
            limits=httpx2.Limits(max_connections=self.connections, max_keepalive_connections=self.connections),
            follow_redirects=False,  # else prompts go to a host that nobody chose
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
        slowest_rate=settings.slowest_rate,
    )


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
