"""A folder as a target: whole files, whole pages, and nobody else's file is touched."""

import hashlib
import shutil
import threading
from pathlib import Path

import pytest

from src.domain.errors import TargetRefused, TargetUnavailable
from src.domain.publishing import Page
from src.infrastructure.publishing.folder import FolderTarget

SITE = "shop"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / SITE


@pytest.fixture
def target(tmp_path: Path) -> FolderTarget:
    return FolderTarget(tmp_path, SITE)


def a_page(path: str = "taps", html: str = "<p>one</p>", *, key: str = "a", **assets: bytes) -> Page:
    return Page(key=key, path=path, html=html.encode(), assets=assets)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def make(folder: Path) -> None:
    folder.mkdir()


async def test_a_page_is_found_by_its_key_and_read_as_it_is(target: FolderTarget, folder: Path) -> None:
    assert await target.find("a") is None
    await target.put(a_page())
    assert folder.joinpath("taps.html").read_bytes() == await target.read("a") == b"<p>one</p>"
    assert await target.find("a") == hashlib.sha256(b"<p>one</p>").hexdigest()
    await target.put(a_page(html="<p>two</p>"))
    await target.put(a_page(html="<p>two</p>"))
    assert names(folder) == ["taps.html"]
    assert await target.read("a") == b"<p>two</p>"


async def test_a_page_is_taken_off_and_put_back(target: FolderTarget, folder: Path) -> None:
    await target.put(a_page())
    await target.take_off("a", "taps")
    await target.take_off("a", "taps")
    assert (await target.read("a"), await target.find("a"), names(folder)) == (None, None, [])
    await target.put(a_page())
    assert await target.read("a") == b"<p>one</p>"


async def test_a_page_is_taken_off_although_its_key_is_lost(target: FolderTarget, folder: Path) -> None:
    await target.put(a_page())
    shutil.rmtree(folder.parent / ".longtail" / folder.name / "keys")
    await target.take_off("a", "taps")
    assert names(folder) == []


async def test_a_page_of_which_nobody_knows_whose_it_is_is_not_said_to_be_off(
    target: FolderTarget, folder: Path
) -> None:
    await target.put(a_page())
    shutil.rmtree(folder.parent / ".longtail")
    with pytest.raises(TargetRefused, match="did not write"):
        await target.take_off("a", "taps")
    assert names(folder) == ["taps.html"]


async def test_a_page_that_moves_leaves_nothing_behind(target: FolderTarget, folder: Path) -> None:
    await target.put(a_page("taps"))
    await target.put(a_page("better-taps"))
    assert names(folder) == ["better-taps.html"]


async def test_two_articles_never_share_a_file(target: FolderTarget, folder: Path) -> None:
    await target.put(a_page(key="a"))
    with pytest.raises(TargetRefused, match="belongs to a"):
        await target.put(a_page(key="b", html="<p>other</p>"))
    assert folder.joinpath("taps.html").read_bytes() == b"<p>one</p>"
    await target.take_off("b", "taps")
    assert await target.read("a") == b"<p>one</p>"
    await target.take_off("a", "taps")
    await target.put(a_page(key="b"))
    assert await target.find("a") is None


@pytest.mark.parametrize("name", ["taps.html", "sitemap.xml", "feed.xml"])
async def test_a_file_that_somebody_made_is_left_alone(target: FolderTarget, folder: Path, name: str) -> None:
    make(folder)
    folder.joinpath(name).write_text("by hand")
    with pytest.raises(TargetRefused, match="did not write"):
        await target.put(a_page())
    assert (names(folder), folder.joinpath(name).read_text()) == ([name], "by hand")
    assert await target.find("a") is None


@pytest.mark.parametrize("path", ["", "..", "../x", "a/b", "/etc/x", "index", "a\x00b", "A", "a.b", "-a", "a" + "\n"])
async def test_a_path_that_leads_elsewhere_is_refused(target: FolderTarget, tmp_path: Path, path: str) -> None:
    with pytest.raises(TargetRefused):
        await target.put(a_page(path))
    assert names(tmp_path) == []


async def test_a_link_in_the_place_of_a_page_is_replaced_and_not_followed(
    target: FolderTarget, folder: Path, tmp_path: Path
) -> None:
    await target.put(a_page())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"<p>one</p>")
    folder.joinpath("taps.html").unlink()
    folder.joinpath("taps.html").symlink_to(elsewhere)
    await target.put(a_page(html="<p>one</p>"))
    assert not folder.joinpath("taps.html").is_symlink()
    assert elsewhere.read_bytes() == b"<p>one</p>"


async def test_a_page_comes_after_its_assets(target: FolderTarget, folder: Path) -> None:
    page = Page(key="a", path="taps", html=b"<p>one</p>", assets={"assets/tap.svg": b"<svg/>"})
    await target.put(page)
    assert folder.joinpath("assets/tap.svg").read_bytes() == b"<svg/>"
    with pytest.raises(TargetRefused, match="below assets"):
        await target.put(Page(key="a", path="taps", html=b"", assets={"../x": b""}))


async def test_a_reader_sees_whole_pages_only(target: FolderTarget, folder: Path) -> None:
    pages = [f"<p>{letter * 200_000}</p>" for letter in "ab"]
    await target.put(a_page(html=pages[0]))
    seen: set[bytes] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(hashlib.sha256(folder.joinpath("taps.html").read_bytes()).digest())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        await target.put(a_page(html=pages[number % 2]))
    stop.set()
    reader.join()
    assert seen <= {hashlib.sha256(page.encode()).digest() for page in pages}


async def test_what_did_not_change_keeps_its_time(target: FolderTarget, folder: Path) -> None:
    await target.announce({"sitemap.xml": b"<a/>", "feed.xml": b"<b/>"})
    before = folder.joinpath("sitemap.xml").stat().st_mtime_ns
    await target.announce({"sitemap.xml": b"<a/>", "feed.xml": b"<c/>"})
    assert folder.joinpath("sitemap.xml").stat().st_mtime_ns == before
    assert folder.joinpath("feed.xml").read_bytes() == b"<c/>"


async def test_parts_of_a_shorter_sitemap_are_removed_and_others_files_stay(target: FolderTarget, folder: Path) -> None:
    await target.announce({"sitemap.xml": b"", "sitemap-1.xml": b"", "sitemap-2.xml": b""})
    folder.joinpath("sitemap-old.xml").write_text("by hand")
    await target.announce({"sitemap.xml": b"<a/>"})
    assert names(folder) == ["sitemap-old.xml", "sitemap.xml"]


async def test_a_folder_that_cannot_be_used_is_worth_another_attempt(tmp_path: Path) -> None:
    tmp_path.joinpath(SITE).write_text("a file where the folder should be")
    with pytest.raises(TargetUnavailable) as refused:
        await FolderTarget(tmp_path, SITE).put(a_page())
    assert refused.value.retryable
