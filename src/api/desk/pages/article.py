"""Pages of article."""

from fastapi import APIRouter

router = APIRouter()
