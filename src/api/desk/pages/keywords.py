"""Pages of keywords."""

from fastapi import APIRouter

router = APIRouter()
