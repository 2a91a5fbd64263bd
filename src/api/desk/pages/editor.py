"""Pages of editor."""

from fastapi import APIRouter

router = APIRouter()
