"""A colour: one of the sets of workers that deployments switch between."""

from typing import NewType

from .errors import InputInvalid

Colour = NewType("Colour", str)
"""Names a set of workers and its task queue."""

BLUE = Colour("blue")
GREEN = Colour("green")
COLOURS = (BLUE, GREEN)


def parse_colour(text: str) -> Colour:
    """Return the colour that ``text`` names.

    Raises InputInvalid for any other than blue and green.
    """
    if text not in COLOURS:
        raise InputInvalid("colour", text, f"write {' or '.join(COLOURS)}", reason="unknown")
    return Colour(text)
