"""The wheel runs outside the checkout, from package data alone: the demo, migrations, the image's health checks."""

import subprocess
from pathlib import Path

from tests import wheels


def test_the_wheel_runs_in_a_fresh_environment(tmp_path: Path) -> None:
    scripts = wheels.install(wheels.build(tmp_path), tmp_path, extra="embedded")
    outside = tmp_path / "outside"
    outside.mkdir()
    home = tmp_path / "home"

    def longtail(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(scripts / "longtail"), *arguments],
            cwd=outside,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LONGTAIL_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    found = subprocess.run(
        [str(scripts / "python"), "-c", "import src; print(src.__file__)"],
        cwd=outside,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith(str(scripts.parent)), "the checkout answers"
    demo = longtail("demo", "--articles", "2")
    assert demo.returncode == 0, demo.stderr
    assert "2 need review" in demo.stdout, demo.stdout
    assert longtail("db", "upgrade").returncode == 0
    assert longtail("db", "check").returncode == 0
    assert longtail("worker", "ready").returncode == 1
    assert longtail("api", "ready").returncode == 1
