"""Deployments: give a colour the new work, empty the other."""

from .deployments import Deployments
from .pace import Pace

__all__ = ["Deployments", "Pace"]
