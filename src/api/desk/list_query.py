"""Filters and places of lists in an address."""

import base64
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from src.domain.errors import InputInvalid
from src.domain.paging import Excerpt, MomentPosition, Page

M = TypeVar("M", bound=BaseModel)
P = TypeVar("P", bound=BaseModel)
_LONGEST = 4_000


def read_query(model: type[M], query: Mapping[str, str]) -> M:
    """Return the filter of an address; names unknown are left out.

    Raises InputInvalid.
    """
    given = {name: value for name in model.model_fields if (value := query.get(name, "").strip())}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "filter"
        raise InputInvalid(name, given.get(name, "")[:80], first["msg"], reason="unknown") from error


def address(path: str, where: BaseModel, **changes: object) -> str:
    """Return the list's address with the filter, some fields changed."""
    values = where.model_dump(mode="json") | changes
    pairs = {name: "yes" if value is True else value for name, value in values.items() if value}
    return f"{path}?{urlencode(pairs)}" if pairs else path


def excerpt_of(text: str | None, limit: int) -> Excerpt[MomentPosition]:
    """Return the page after the row that an address names."""
    return Excerpt(after=read_place(MomentPosition, text), limit=limit)


def read_place(kind: type[P], text: str | None) -> P | None:
    """Return the row after which a page begins. Raises InputInvalid."""
    if not text:
        return None
    try:
        return kind.model_validate_json(base64.urlsafe_b64decode(text[:_LONGEST] + "=" * (-len(text) % 4)))
    except ValueError as error:
        raise InputInvalid("after", text[:40], "follow the link to the next page as it is") from error


def following(here: str, page: Page[Any, P]) -> str | None:
    """Return the address of the page that follows; None: there is none."""
    if page.last is None:
        return None
    place = base64.urlsafe_b64encode(page.last.model_dump_json(exclude_none=True).encode()).decode().rstrip("=")
    return f"{here}{'&' if '?' in here else '?'}after={place}"
