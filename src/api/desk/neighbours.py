"""The articles before and after one, in the filter in which it is read."""

from dataclasses import dataclass

from src.bootstrap import Application
from src.domain.ids import ArticleId

from .shell import PATH


@dataclass(frozen=True)
class Around:
    """Where a person is in a list.

    Attributes:
        previous: the address of the article before; None: it is the first, or no list is read.
    """

    list_address: str
    previous: str | None = None
    next: str | None = None
    position: int | None = None
    total: int | None = None

    @property
    def after_decision(self) -> str:
        """Return what is opened once the article is decided."""
        return self.next or self.list_address


async def around(desk: Application, article: ArticleId, inside: str) -> Around:
    """Return what stands around the article in the list of this filter."""
    return Around(list_address=f"{PATH}/queue" + (f"?{inside}" if inside else ""))
