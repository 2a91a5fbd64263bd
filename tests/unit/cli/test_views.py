"""What several commands print alike."""

from datetime import UTC, datetime

from src.application.keywords import ImportReport, NewRow
from src.cli.keywords import _print_rows
from src.cli.terminal import local, out, print_table
from src.cli.views import print_waits
from src.domain.rate_limit import ModelWait


def test_a_line_says_which_model_is_waited_for_and_why() -> None:
    until = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
    waits = [
        ModelWait(model="m-1", endpoint="https://api.example/v1", until=until, is_out_of_order=is_out)
        for is_out in (False, True)
    ]
    with out.capture() as printed:
        print_waits(waits)
    line = f"waiting for m-1 at https://api.example/v1 until {local(until)}"
    assert printed.get() == f"{line} (limit)\n{line} (out of order)\n"


def test_a_table_without_rows_is_one_line() -> None:
    with out.capture() as printed:
        print_table(["rule", "finding"], [], title="\nfindings")
        print_table(["site"], [])
    assert printed.get() == "\nfindings: none\nnone\n"


def test_of_a_long_list_that_is_tried_the_first_lines_are_printed() -> None:
    would_add = [NewRow(line=number + 2, text=f"how to fix tap {number}") for number in range(22)]
    counts = dict.fromkeys(("known", "figures_not_taken", "merged", "rejected", "skipped"), 0)
    report = ImportReport(dry_run=True, added=22, lines=23, rows=[], would_add=would_add, **counts)
    with out.capture() as printed:
        _print_rows(report)
    lines = printed.get().splitlines()
    assert (lines[0], len(lines)) == ("line 2: 'how to fix tap 0': would be added", 21)
    assert lines[-1] == "and 2 more would be added; all of them: --json"
