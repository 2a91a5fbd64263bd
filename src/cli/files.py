"""Reads what people hand in."""

from pathlib import Path

from src.domain.errors import FileInvalid


def contents(path: Path) -> bytes:
    """Return the file's bytes. Raises FileInvalid in plain words."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileInvalid(str(path), f"{error.strerror}; check the name") from error
