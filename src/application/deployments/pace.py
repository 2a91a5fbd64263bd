"""How often a deployment looks, and how long it waits."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Self


@dataclass(frozen=True)
class Pace:
    """The times of a deployment.

    Attributes:
        beat: between signs of life of its runner; far below the lease.
        look: between looks at a colour that is emptied.
        settled: between two looks that find it empty, since Temporal's lists lag behind.
        judging: between looks at a canary.
        patience: for workers that have just started to poll.
        gate: the longest time for a probe article.
    """

    beat: timedelta = timedelta(seconds=5)
    look: timedelta = timedelta(seconds=2)
    settled: timedelta = timedelta(seconds=5)
    judging: timedelta = timedelta(seconds=10)
    patience: timedelta = timedelta(seconds=15)
    gate: timedelta = timedelta(minutes=3)

    @classmethod
    def scaled(cls, scaled: Callable[[timedelta], timedelta]) -> Self:
        """Return the same at another speed of time."""
        plain = cls()
        return cls(
            beat=plain.beat,
            look=scaled(plain.look),
            settled=scaled(plain.settled),
            judging=scaled(plain.judging),
            patience=plain.patience,
            gate=plain.gate,
        )
