"""The wheel holds all that a checkout has; tests/long/test_wheel.py runs it."""

import subprocess
import zipfile
from pathlib import Path

from tests import wheels


def test_every_file_of_the_packages_is_in_the_wheel(tmp_path: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "src", "migrations"], cwd=wheels.ROOT, capture_output=True, text=True, check=True
    )
    there = {name for name in listed.stdout.splitlines() if (wheels.ROOT / name).is_file()}
    wheel = wheels.build(tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert there - packed == set()
    assert {name.split("/")[0] for name in packed} == {"src", "migrations", f"{wheel.stem.rsplit('-', 3)[0]}.dist-info"}
