"""Pages of calendar."""

from fastapi import APIRouter

router = APIRouter()
