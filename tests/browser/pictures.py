"""Pictures of every page: ``make desk-images`` writes them into docs/images/desk.

The home is one that ``longtail dev`` made, after a day of use.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import Browser

from .days import FAILS, Day, lived_in
from .homes import Home, at_a_browser, chromium, running_home

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "desk"
DESKTOP, PHONE = 1440, 390
BOTH = ("queue", "article")  # also on a phone, and dark


async def take(
    home: Home, browser: Browser, day: Day, folder: Path, *, width: int, dark: bool, only: Sequence[str]
) -> None:
    """Open the pages and keep what they look like."""
    look = f"{width}{'-dark' if dark else ''}"
    async with at_a_browser(home, browser, width=width, dark=dark) as person:
        await person.page.goto(f"{home.desk}/login")
        if not only or "login" in only:
            await person.page.screenshot(path=folder / f"login-{look}.png")
        await person.log_in("owner")
        for name, path in day.pages.items():
            if not only or name in only:
                await person.open(path)
                await person.page.wait_for_load_state("networkidle" if name != "batch" else "load")
                await person.page.screenshot(
                    path=folder / f"{name}-{look}.png", full_page=width == PHONE and name != "article"
                )


async def take_all(home: Home, folder: Path, *, every: bool) -> None:
    """Take the pictures of a day in the home."""
    day = await asyncio.to_thread(lived_in, home)
    async with chromium() as browser:
        await take(home, browser, day, folder, width=DESKTOP, dark=False, only=())
        for width, dark in ((DESKTOP, True), (PHONE, False), (PHONE, True)):
            await take(home, browser, day, folder, width=width, dark=dark, only=() if every else BOTH)


def main() -> None:
    """Make a home, live a day in it, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=FOLDER, help="The folder of the pictures.")
    parser.add_argument("--every", action="store_true", help="Every page also on a phone, and dark.")
    arguments = parser.parse_args()
    arguments.to.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="test-longtail-") as compiled,
        running_home(Path(compiled), LONGTAIL_FAIL_KEYWORDS=FAILS) as home,
    ):
        asyncio.run(take_all(home, arguments.to, every=arguments.every))


if __name__ == "__main__":
    main()
