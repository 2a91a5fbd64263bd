"""``longtail schedule``: when each site's batches run, and what became of every slot."""

from .commands import app

__all__ = ["app"]
