"""Generations of workflow code: which commands a run issues.

A change of a workflow's commands raises GENERATION and branches on ``workflows.generation.first_generation``; the old
branch stays until no run of it is open. Unlike ``workflow.patched`` this adds no event to a history. One colour's
workers have one generation at a time.
"""

import re

# 0: the first release.
# 1: the stage is no search attribute (its upserts were 18 % of the server's processor time); a local activity checks
#    the models, so that it never waits behind model calls; a batch outlives a shard that was terminated.
# 2: every outcome closes the batch; articles that another run began are joined; what fails alike stops the batch, and a
#    new model is tried with a few articles; a shard asks for its window.
# 3: a finished article starts its review.
# 4: a child is cancelled only between its start and its end; a shard that stops stops the others;
#    what saves an article begins its review.
# 5: a batch passes on what is left to another colour, and its shards return early for that; articles start on the
#    colour that the routing says; a child that was terminated and runs again is joined.
GENERATION = 5
DEPLOYMENT = "longtail"

_BUILD_ID = re.compile(r"g(\d+)-")


def build_id(version: str) -> str:
    """Return the build id of this code, such as ``g5-0.1.0``."""
    return f"g{GENERATION}-{version}"


def generation_of(build_id: str | None) -> int:
    """Return the generation that a build id names, else 0."""
    match = _BUILD_ID.match(build_id or "")
    return int(match[1]) if match else 0
