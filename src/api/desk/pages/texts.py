"""Pages of texts."""

from fastapi import APIRouter

router = APIRouter()
