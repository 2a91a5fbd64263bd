"""A page that is read back says what is wrong with it."""

import hashlib
from datetime import UTC, datetime

import pytest

from src.rendering.page import preview
from src.rendering.read_back import problems_of
from tests.contents import a_content

MOMENT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PAGE = preview(a_content(), MOMENT)
CANONICAL = "https://shop.example/fix-leaky-tap"


def problems(page: str | None, *, sent: str = PAGE, canonical: str = CANONICAL, indexed: bool = True) -> list[str]:
    return problems_of(
        page.encode() if page is not None else None,
        page_hash=hashlib.sha256(sent.encode()).hexdigest(),
        canonical=canonical,
        may_be_indexed=indexed,
    )


def test_what_was_sent_is_fine() -> None:
    assert problems(PAGE) == []
    offline = preview(a_content(offline=True), MOMENT)
    assert problems(offline, sent=offline, indexed=False) == []


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (None, "the page is not there"),
        (PAGE.replace("towel", "cloth"), "its bytes are not those that were published"),
        (PAGE.replace(f'href="{CANONICAL}"', 'href="https://evil.example"'), "its canonical address is https://evil"),
        (PAGE.replace("<title>", f'<link rel="canonical" href="{CANONICAL}"><title>'), "its canonical address is"),
        (PAGE.replace("<title>", '<meta name="ROBOTS" content="all, NoIndex"><title>'), "it keeps search engines away"),
    ],
)
def test_what_differs_is_named(page: str | None, found: str) -> None:
    assert any(problem.startswith(found) for problem in problems(page))


def test_text_of_the_offline_writer_must_not_be_indexed() -> None:
    assert problems(PAGE, indexed=False) == ["it lets search engines index it"]
