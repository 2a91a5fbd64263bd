"""Style sheets, scripts and images of the desk."""

import hashlib
from functools import lru_cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
BASE = "/desk/static"
_A_YEAR = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    """Serves the files.

    One that is asked for by its version may be kept for ever."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file. Raises HTTPException if there is none."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = _A_YEAR if scope["query_string"].startswith(b"v=") else "no-cache"
        return response


@lru_cache(maxsize=64)
def address_of(name: str) -> str:
    """Return the address of a file, which changes with its content."""
    version = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]
    return f"{BASE}/{name}?v={version}"
