"""Pages of account."""

from fastapi import APIRouter

router = APIRouter()
