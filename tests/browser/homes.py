"""A home as ``longtail dev`` makes it, and people who use its desk in headless Chromium."""

import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from playwright.async_api import Browser, BrowserContext, Locator, Page, Response, async_playwright, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from bench.model_server import ModelServer
from src.examples import content
from tests.story.conftest import Longtail, Running, empty_folder

PATIENCE = 60.0  # seconds until a home is up, a batch written, a page there
expect.set_options(timeout=PATIENCE / 3 * 1000)
_ADDRESS = re.compile(r"^desk +(http://\S+)$", re.MULTILINE)
_PERSON = re.compile(r"^ {13}(\S+) +(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Home:
    """A running home, the address of its desk, and who can log in."""

    longtail: Longtail
    running: Running
    models: ModelServer
    desk: str
    passwords: dict[str, str]

    @property
    def origin(self) -> str:
        return self.desk.removesuffix("/desk")


@contextmanager
def running_home(compiled: Path, **variables: str) -> Iterator[Home]:
    """Run Longtail with a model server of this machine, whose text may be published."""
    with empty_folder() as folder, ModelServer(latency=0.3) as models:
        longtail = Longtail(folder, compiled, OPENAI_API_KEY="test", OPENAI_BASE_URL=models.url, **variables)
        with longtail.start("dev") as running:
            output = eventually(lambda: running.output if _ADDRESS.search(running.output) else None)
            desk = _ADDRESS.search(output)
            assert desk is not None
            eventually(lambda: answers(f"{desk[1].removesuffix('/desk')}/health/live"))
            yield Home(longtail, running, models, desk[1], dict(_PERSON.findall(output)))


def eventually(look: Callable[[], str | None]) -> str:
    """Return what ``look`` finds within the time that everything has."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def answers(url: str) -> str | None:
    """Return what stands there, None while nobody answers."""
    try:
        return httpx2.get(url, trust_env=False).text
    except httpx2.TransportError:
        return None


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Yield headless Chromium."""
    async with async_playwright() as playwright:
        path = os.environ["CHROMIUM"]  # noqa: TID251 - bin/test-browser found it
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Seen:
    """What a browser asked for, and what its pages complained of."""

    hosts: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)


@dataclass
class Person:
    """Somebody at a browser."""

    home: Home
    context: BrowserContext
    page: Page
    seen: Seen

    async def open(self, path: str) -> None:
        """Open a page of the desk."""
        await self.page.goto(f"{self.home.origin}{path}")

    async def log_in(self, name: str) -> None:
        """Log in with the password that ``longtail dev`` printed."""
        await self.open("/desk/login")
        await self.page.get_by_label("Name").fill(name)
        await self.page.get_by_label("Password").fill(self.home.passwords[name])
        await self.page.get_by_role("button", name="Log in").click()
        await self.page.wait_for_url(f"{self.home.desk}/")

    async def reload_until(self, path: str, wanted: Locator, *, patience: float = PATIENCE) -> None:
        """Open a page until something is on it: what a worker does shows by itself only on live pages."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            await self.open(path)
            with suppress(PlaywrightTimeout):
                await wanted.wait_for(timeout=500)
                return
        await expect(wanted).to_be_visible()


@asynccontextmanager
async def at_a_browser(
    home: Home, browser: Browser, *, width: int = 1440, dark: bool = False, scripts: bool = True
) -> AsyncIterator[Person]:
    """Yield somebody with a browser of his own; its pages may complain of nothing and ask nobody else."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        locale="en-GB",
    )
    seen = Seen()
    page = await context.new_page()
    page.set_default_timeout(PATIENCE / 3 * 1000)
    page.on("request", lambda request: seen.hosts.add(request.url.split("/")[2]))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("console", lambda said: seen.errors.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    page.on("response", lambda response: seen.responses.append(response))  # noqa: PLW0108 - it marks what it is given
    try:
        yield Person(home, context, page, seen)
        assert seen.hosts <= {home.origin.removeprefix("http://")}
        assert seen.errors == [], seen.errors
    finally:
        await context.close()


def sample_site(*lines: str) -> str:
    """Return the sample site's file with these lines after it."""
    return "\n".join([content("hardware-shop.toml").decode(), *lines, ""])


def add_site(home: Home, slug: str, *, undo: str) -> None:
    """Add a site like the sample one; what is approved goes live after ``undo``."""
    file = home.longtail.folder / f"{slug}.toml"
    text = sample_site("[publishing]", 'on_approval = "now"', f'undo = "{undo}"')
    text = text.replace('slug = "hardware-shop"', f'slug = "{slug}"').replace("marlow-finch.example", f"{slug}.example")
    file.write_text(text, "utf-8")
    added = home.longtail.run("site", "add", str(file))
    assert added.returncode == 0, added.stderr


def published_pages(home: Home, slug: str) -> list[Path]:
    """Return the pages in the folder that a web server reads."""
    return sorted((home.longtail.home / "published" / slug).glob("*.html"))
