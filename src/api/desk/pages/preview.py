"""Pages of preview."""

from fastapi import APIRouter

router = APIRouter()
