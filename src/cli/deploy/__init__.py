"""``longtail deploy``: give a colour the new work, empty the other."""

from .commands import app

__all__ = ["app"]
