"""Pages of login."""

from fastapi import APIRouter

router = APIRouter()
