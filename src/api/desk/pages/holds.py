"""Pages of holds."""

from fastapi import APIRouter

router = APIRouter()
