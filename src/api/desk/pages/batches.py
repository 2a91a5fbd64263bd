"""Pages of batches."""

from fastapi import APIRouter

router = APIRouter()
