"""Pages of articles."""

from fastapi import APIRouter

router = APIRouter()
