"""The example sites and keyword lists of ``src/examples/``."""

from importlib import resources


def content(name: str) -> bytes:
    """Return the bytes of an example, such as ``hardware-shop.toml``."""
    return (resources.files(__package__) / name).read_bytes()
