"""Routing: which colour takes new work."""

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.colour import Colour
from src.domain.deployment import Canary, Routing

from .tables import RoutingRow


class RoutingRepository:
    """The one row that says where new work starts."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def read(self) -> Routing:
        """Return where new work starts."""
        return _routing((await self._session.execute(select(RoutingRow))).scalar_one())

    async def lock(self, *, shared: bool = False) -> Routing:
        """Return where new work starts; nobody changes it meanwhile.

        That is until this transaction ends. Deployments lock it for themselves; what writes a colour somewhere
        (a schedule, say) with ``shared``, which many may hold at once.
        """
        statement = select(RoutingRow).with_for_update(read=shared).execution_options(populate_existing=True)
        return _routing((await self._session.execute(statement)).scalar_one())

    async def change(self, routing: Routing, *, by: str) -> None:
        """Store where new work starts from now on; ``lock`` before."""
        await self._session.execute(
            update(RoutingRow)
            .values(
                active_colour=routing.active,
                canary_colour=routing.canary and routing.canary.colour,
                canary_share=routing.canary and routing.canary.share,
                changed_at=func.clock_timestamp(),  # now() may be before another's change, which had the lock
                changed_by=by,
            )
            .execution_options(synchronize_session=False)
        )


def _routing(row: RoutingRow) -> Routing:
    canary = None
    if row.canary_colour is not None and row.canary_share is not None:
        canary = Canary(colour=Colour(row.canary_colour), share=row.canary_share)
    return Routing(active=Colour(row.active_colour), canary=canary, changed_at=row.changed_at)
