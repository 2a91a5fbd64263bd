"""Rules of the rooms that import contracts cannot express."""

import re
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"
READY_MADE = re.compile(
    r"\blongtail (alerts|api|article|audit|batch|db|demo|dev|hold|keywords|schedule|site|user|worker)\b"
)
OPTION = re.compile(r"""["' ]--[a-z]""")


def lines_with(pattern: re.Pattern[str], *, outside: str) -> list[str]:
    return [
        f"{file.relative_to(SRC)}:{number}: {line.strip()}"
        for file in sorted(SRC.rglob("*.py"))
        if not file.is_relative_to(SRC / outside)
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_commands_are_spelled_by_the_command_line_alone() -> None:
    assert lines_with(READY_MADE, outside="cli") == []


def test_options_are_spelled_by_the_command_line_alone() -> None:
    embedded = (
        "infrastructure/embedded/",
        "infrastructure/database/dumps.py",
        "bootstrap.py",
    )  # flags of the servers' own programs
    assert [line for line in lines_with(OPTION, outside="cli") if not line.startswith(embedded)] == []


def test_the_front_doors_open_no_transaction() -> None:
    doors = [*SRC.glob("cli/**/*.py"), *SRC.glob("api/**/*.py")]
    assert [file.name for file in doors if "unit_of_work(" in file.read_text("utf-8")] == []
