"""``longtail user``: people, their roles and their API tokens."""

from .commands import app

__all__ = ["app"]
