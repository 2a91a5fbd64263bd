"""Pages of audit."""

from fastapi import APIRouter

router = APIRouter()
