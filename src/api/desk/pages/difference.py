"""Pages of difference."""

from fastapi import APIRouter

router = APIRouter()
