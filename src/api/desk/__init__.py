"""The desk: pages for reviewers and operators, in a browser."""

from .app import create_desk

__all__ = ["create_desk"]
