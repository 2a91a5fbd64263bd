"""Pages of comments."""

from fastapi import APIRouter

router = APIRouter()
