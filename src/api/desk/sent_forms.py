"""Reads what a form of ours sent.

Unlike a parameter of the framework an empty field stays empty: it was cleared.
"""

from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

M = TypeVar("M", bound=BaseModel)


async def read_form(request: Request, model: type[M]) -> M:
    """Return the fields as ``model``. Raises RequestValidationError."""
    try:
        return model.model_validate(await read_fields(request))
    except ValidationError as error:
        problems = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(problems) from error


async def read_fields(request: Request) -> dict[str, str]:
    """Return the fields by name, without files."""
    form = await request.form()
    return {name: value for name, value in form.multi_items() if not isinstance(value, UploadFile)}
