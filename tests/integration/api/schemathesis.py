"""Runs schemathesis against a served API: all checks, event streams left out, since they end with their batch."""

import asyncio
import sys
from pathlib import Path

_HERE = Path(__file__).parent


async def run_schemathesis(
    port: int,
    token: str,
    folder: Path,
    *,
    phases: str,
    examples: int,
    config: str = "schemathesis.toml",
    but: str = "/events$",
    only: str | None = None,
) -> tuple[int, str]:
    """Return its exit code and what it said; ``but`` matches the paths that are left out, ``only`` the others."""
    address = f"http://127.0.0.1:{port}"
    running = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("st")), "--config-file", str(_HERE / config)),
        *("run", f"{address}/openapi.json", "--header", f"Authorization: Bearer {token}"),
        *([] if only is None else ["--include-path-regex", only]),
        *("--exclude-path-regex", but, "--checks", "all", "--max-examples", str(examples)),
        *("--phases", phases, "--seed", "1", "--no-color", "--continue-on-failure"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,  # where it leaves what it found
    )
    said, _ = await running.communicate()
    return running.returncode or 0, said.decode()
