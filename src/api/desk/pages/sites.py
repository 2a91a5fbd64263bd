"""Pages of sites."""

from fastapi import APIRouter

router = APIRouter()
