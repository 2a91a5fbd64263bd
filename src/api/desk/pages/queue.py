"""Pages of queue."""

from fastapi import APIRouter

router = APIRouter()
