"""Ids of traces and spans, derived from what they are about.

So every process knows the trace of an article without being told: a worker of either colour, the request that publishes
it weeks later, a run that a schedule started (docs/decisions/0024).
"""

import hashlib


def trace_id_of(subject: str) -> int:
    """Return the trace of an article or a batch.

    A hash, since samplers take the bits of an id for random, and those of a UUID are not.
    """
    return _digest(subject, size=16)


def span_id_of(run_id: str) -> int:
    """Return the span of a workflow's run.

    Its activities name it before it has ended.
    """
    return _digest(run_id, size=8)


def in_hex(trace_id: int) -> str:
    """Return the trace as logs and backends spell it."""
    return f"{trace_id:032x}"


def _digest(text: str, *, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest(), "big")
