"""``longtail review``: what waits for a decision, and decisions."""

from . import decisions  # noqa: F401 - adds its commands
from .commands import app

__all__ = ["app"]
