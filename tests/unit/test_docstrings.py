"""The house rule for docstrings: a short first line, and functions in the imperative."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_WORDS = 12
NO_OPENING = ("A", "An", "The", "Whether", "What", "Say", "Tell")  # of a function: "Return …" names what comes out
FOLDERS = ("src", "bench", "bin", "migrations")


def broken(file: Path) -> Iterator[str]:
    """Yield each docstring of the file whose first line breaks the rule."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = (ast.get_docstring(node) or "").partition("\n")[0]
        words = first.split()
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if len(words) > MOST_WORDS or (is_function and words and words[0] in NO_OPENING):
            yield f"{getattr(node, 'name', 'module')}: {first}"


FILES = {str(file.relative_to(ROOT)): file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_first_line_is_short_and_imperative(name: str) -> None:
    assert list(broken(FILES[name])) == []
