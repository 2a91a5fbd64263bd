"""The sites and keyword lists that come with Longtail: ``examples/`` of a checkout, ``src/examples/`` of a wheel."""

from importlib import resources
from pathlib import Path


def content(name: str) -> bytes:
    """Return the bytes of an example, such as ``hardware-shop.toml``."""
    packed = resources.files("src") / "examples"
    folder = packed if packed.is_dir() else Path(__file__).parents[1] / "examples"
    return (folder / name).read_bytes()
