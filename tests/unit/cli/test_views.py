"""What several commands print alike."""

from datetime import UTC, datetime

from src.cli.terminal import local, out
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
