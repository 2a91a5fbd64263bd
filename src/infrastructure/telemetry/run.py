"""A run of a workflow, as traces know it."""

from collections.abc import Mapping
from dataclasses import dataclass

Attributes = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a workflow.

    Attributes:
        subject: whose trace it is part of: an article, else a batch with its shards, else the workflow itself.
    """

    workflow_id: str
    run_id: str
    subject: str
