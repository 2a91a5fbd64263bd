"""``longtail schedule``: when batches run, and what became of slots."""

from .commands import app

__all__ = ["app"]
