"""Time ranges with an exclusive end, or an open one."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class TimeRange(BaseModel):
    """From ``start`` up to but not ``end``, both in UTC.

    ``end`` None: it has not ended.
    """

    model_config = ConfigDict(frozen=True)

    start: datetime
    end: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Return whether ``at`` lies in the range."""
        return self.start <= at and (self.end is None or at < self.end)
