"""Version of the code that a worker runs."""

import subprocess
from importlib.metadata import version
from pathlib import Path

_FOLDER = Path(__file__).parents[3]


def code_version(commit: str | None) -> str:
    """Return the commit, else the package's version.

    By default it is the commit of the checkout that this runs from.
    """
    return commit or _checked_out() or version("longtail")


def _checked_out() -> str | None:
    if not (_FOLDER / ".git").exists():
        return None
    command = ["git", "-C", str(_FOLDER), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)  # noqa: S603 - ours
    except (OSError, subprocess.TimeoutExpired):  # no git here
        return None
    return done.stdout.strip()[:10] or None
