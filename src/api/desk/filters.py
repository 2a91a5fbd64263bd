"""Filters of lists.

A form sends what was not chosen as an empty text.
"""

from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, StringConstraints

from src.domain.alert import AlertKind
from src.domain.batch import BatchStatus, Trigger

from ..values import SLUG


def _none(given: object) -> object:
    return given or None


_Slug = Annotated[str, StringConstraints(min_length=2, max_length=60, pattern=SLUG)]
ChosenSite = Annotated[_Slug | None, BeforeValidator(_none), Query()]
ChosenStatus = Annotated[BatchStatus | None, BeforeValidator(_none), Query()]
ChosenTrigger = Annotated[Trigger | None, BeforeValidator(_none), Query()]
ChosenKind = Annotated[AlertKind | None, BeforeValidator(_none), Query()]
