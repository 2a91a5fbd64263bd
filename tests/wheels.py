"""Builds the wheel that the image installs."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
_QUIET = "--quiet"


def uv(*arguments: str) -> None:
    """Run uv as `make setup` does."""
    subprocess.run(["sh", str(ROOT / "bin/uv"), *arguments], check=True, timeout=300)


def build(folder: Path) -> Path:
    """Return the wheel of the checkout, built into ``folder``."""
    python = str(ROOT / ".venv/bin/python")
    uv("build", _QUIET, "--wheel", "--no-build-isolation", "--python", python, "--out-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path, *, extra: str) -> Path:
    """Return the scripts of a new environment with the wheel, and what the lock pins for it."""
    environment = folder / "environment"
    uv("venv", _QUIET, "--no-project", "--python", str(ROOT / ".venv/bin/python"), str(environment))
    lock = ("--constraint", str(ROOT / "requirements.lock"))
    uv(
        "pip",
        "install",
        _QUIET,
        "--python",
        str(environment / "bin/python"),
        *lock,
        f"longtail[{extra}] @ {wheel.as_uri()}",
    )
    return environment / "bin"
