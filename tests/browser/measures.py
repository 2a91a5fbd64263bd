"""What a page costs, whether it fits, and what axe-core says of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Request

WIDTHS = (390, 768, 1440)
AXE_WIDTHS = (390, 1440)
_ALL_RULES: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False}  # what is in the frame is the site's
_COLOURS: dict[str, Any] = _ALL_RULES | {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
}
_AXE = Axe()


@dataclass
class Weight:
    """What a page asked for, with an empty cache; bytes are those on the wire, without headers.

    A file of the desk that a page names twice, like the mark, is asked for once: it may be kept for a year.
    """

    requests: list[Request] = field(default_factory=list)
    document: int = 0
    total: int = 0

    def __str__(self) -> str:
        return f"{len(self.requests)} requests, {self.total / 1000:.1f} KB, of it HTML {self.document / 1000:.1f} KB"


@asynccontextmanager
async def weighed(page: Page) -> AsyncIterator[Weight]:
    """Weigh what is opened in the block."""
    weight, done = Weight(), list[Request]()

    def asked(request: Request) -> None:
        if "/static/" not in request.url or request.url not in {each.url for each in weight.requests}:
            weight.requests.append(request)

    def answered(request: Request) -> None:
        done.append(request)

    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Network.enable")
    await devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.on("request", asked)
    page.on("requestfinished", answered)
    try:
        yield weight
        await page.wait_for_timeout(50)  # the last sizes come after the load
        for each in filter(done.__contains__, list(weight.requests)):
            size = (await each.sizes())["responseBodySize"]
            weight.total += size
            if each.is_navigation_request() and each.frame == page.main_frame and each.method == "GET":
                weight.document = size
    finally:
        page.remove_listener("request", asked)
        page.remove_listener("requestfinished", answered)
        await devtools.detach()


async def settled(page: Page) -> None:
    """Wait until nothing is read any more; pages that are told of changes never are."""
    live = await page.locator("[data-events]").count()
    await page.wait_for_load_state("load" if live else "networkidle")


async def too_wide(page: Page) -> list[str]:
    """Return the widths at which the page itself scrolls sideways, and what makes it."""
    found = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        if wide := await page.evaluate(_SIDEWAYS):
            found.append(f"at {width} px: {wide}")
    return found


_SIDEWAYS = """() => {
  const root = document.documentElement;
  if (root.scrollWidth <= innerWidth) return null;
  const all = [...document.querySelectorAll("body *")];
  const wide = all.filter((each) => each.getBoundingClientRect().right > innerWidth + 1);
  return `${root.scrollWidth}: ` + wide.slice(0, 3).map((each) => each.outerHTML.slice(0, 120)).join(" | ");
}"""


async def axe_findings(page: Page) -> list[str]:
    """Return what axe-core finds on a phone and on a desk, light and dark."""
    found = []
    for width in AXE_WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            options = _ALL_RULES if scheme == "light" else _COLOURS  # the other rules see no colour
            for rule in (await _AXE.run(page, options=options)).response["violations"]:
                nodes = "; ".join(
                    f"{each['html'][:160]} ({each['failureSummary'][:200]})" for each in rule["nodes"][:3]
                )
                found.append(f"{width} {scheme}, {rule['impact']}: {rule['id']}, {len(rule['nodes'])} times: {nodes}")
    await page.emulate_media(color_scheme="light")
    return found
