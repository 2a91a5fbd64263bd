"""A folder that a web server reads: ``SLUG.html``, assets, sitemap and feed.

Each file is written beside the others and renamed into its place, so that a reader gets the old or the new one and
nothing between. Whose a file is stands in a second folder, which is not served: nobody else's file is ever replaced.
"""

import asyncio
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from src.domain.errors import TargetRefused, TargetUnavailable
from src.domain.publishing import Page, TargetName

T = TypeVar("T")

_STATE = ".longtail"  # beside the sites' folders
_ITSELF = "longtail"  # the key of sitemap and feed
_PATH = re.compile(r"[a-z0-9]+(-+[a-z0-9]+)*")
_ASSET = re.compile(r"assets/[a-z0-9][a-z0-9._-]*")
_RESERVED = {"index"}  # the site's own first page
_ANNOUNCED = ("sitemap.xml", "feed.xml")
_PART = "sitemap-*.xml"


class FolderTarget:
    """The folder of one site.

    One process at a time writes to it: its caller sees to that."""

    def __init__(self, root: Path, site: str) -> None:
        self._folder = root / site
        self._state = root / _STATE / site

    async def find(self, key: str) -> str | None:
        """Return the SHA-256 of the page, None where there is none."""
        page = await self.read(key)
        return hashlib.sha256(page).hexdigest() if page is not None else None

    async def read(self, key: str) -> bytes | None:
        """Return the page's bytes, None where there is none."""
        return await self._run(lambda: self._read(key))

    async def put(self, page: Page) -> None:
        """Write the page's assets, then the page.

        Raises TargetRefused where somebody else's file stands, and TargetUnavailable.
        """
        await self._run(lambda: self._put(page))

    async def take_off(self, key: str, path: str) -> None:
        """Remove the page; its assets stay, since others may use them.

        Raises TargetRefused where a file stands at ``path`` of which nobody knows whose it is, and TargetUnavailable.
        """
        await self._run(lambda: self._take_off(key, path))

    async def announce(self, files: Mapping[str, bytes]) -> None:
        """Write the files that differ; remove superfluous parts of a sitemap."""
        await self._run(lambda: self._announce(files))

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise TargetUnavailable(TargetName.FOLDER, f"{error.strerror}: {error.filename}") from error

    # --- what runs in a thread

    def _read(self, key: str) -> bytes | None:
        path = _text_of(self._key_file(key))
        if path is None or self._owner(f"{path}.html") != key:
            return None
        return _bytes_of(self._folder / f"{path}.html")

    def _put(self, page: Page) -> None:
        if not _PATH.fullmatch(page.path) or page.path in _RESERVED:
            raise TargetRefused(TargetName.FOLDER, page.path, "it is no address of an article")
        if wrong := [name for name in page.assets if not _ASSET.fullmatch(name)]:
            raise TargetRefused(TargetName.FOLDER, wrong[0], "assets stand below assets/")
        for name in _ANNOUNCED:  # refused before anything is written
            self._require(name, _ITSELF)
        file = f"{page.path}.html"
        self._take(file, page.key)
        before = _text_of(self._key_file(page.key))
        self._write(self._key_file(page.key), page.path.encode())
        for name, data in page.assets.items():
            self._replace(name, data)
        self._replace(file, page.html)
        if before is not None and before != page.path:
            self._remove(f"{before}.html", page.key)

    def _take_off(self, key: str, path: str) -> None:
        for each in {path, _text_of(self._key_file(key)) or path}:
            self._remove(f"{each}.html", key)
        if self._owner(f"{path}.html") is None:
            self._require(f"{path}.html", key)  # without an owner nothing was removed
        self._key_file(key).unlink(missing_ok=True)

    def _announce(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            self._take(name, _ITSELF)
            self._replace(name, data)
        for part in self._folder.glob(_PART):
            if part.name not in files:
                self._remove(part.name, _ITSELF)

    def _take(self, file: str, key: str) -> None:
        """Make the file the key's, unless it is somebody else's."""
        self._require(file, key)
        if self._owner(file) != key:
            self._write(self._owner_file(file), key.encode())

    def _require(self, file: str, key: str) -> None:
        owner = self._owner(file)
        if owner != key and (self._folder / file).exists():
            whose = f"it belongs to {owner}" if owner else "a file that Longtail did not write stands there"
            raise TargetRefused(TargetName.FOLDER, file, whose)

    def _remove(self, file: str, key: str) -> None:
        if self._owner(file) == key:
            (self._folder / file).unlink(missing_ok=True)
            _sync(self._folder)
            self._owner_file(file).unlink(missing_ok=True)

    def _owner(self, file: str) -> str | None:
        return _text_of(self._owner_file(file))

    def _owner_file(self, file: str) -> Path:
        return self._state / "files" / file

    def _key_file(self, key: str) -> Path:
        return self._state / "keys" / hashlib.sha256(key.encode()).hexdigest()

    def _replace(self, file: str, data: bytes) -> None:
        target = self._folder / file
        if target.is_symlink() or _bytes_of(target) != data:  # what is the same keeps its time
            self._write(target, data)

    def _write(self, file: Path, data: bytes) -> None:
        """Write the file whole.

        A crash leaves the old one, and a rest that the next attempt replaces."""
        for folder in (file.parent, self._state):
            folder.mkdir(parents=True, exist_ok=True)
        beside = self._state / f"{hashlib.sha256(str(file).encode()).hexdigest()}.new"
        with beside.open("wb") as written:
            written.write(data)
            written.flush()
            os.fsync(written.fileno())
        beside.replace(file)
        _sync(file.parent)


def _bytes_of(file: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return file.read_bytes()
    return None


def _text_of(file: Path) -> str | None:
    data = _bytes_of(file)
    return data.decode() if data is not None else None


def _sync(folder: Path) -> None:
    """Make a rename or a removal last."""
    with suppress(FileNotFoundError):
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
