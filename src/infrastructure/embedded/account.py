"""Operating system accounts that servers run as.

PostgreSQL refuses root, so root switches to an account that owns nothing else of ours.
"""

import os
import pwd
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from src.domain.errors import EngineUnavailable

# macOS has no C.UTF-8, and its PostgreSQL does not start under a locale that does not exist.
LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"

_ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": LOCALE,
    "TZ": "UTC",
}  # nothing of ours: PGOPTIONS and its like change a server


@dataclass(frozen=True)
class Account:
    """A user and group that a server runs as."""

    uid: int
    gid: int
    switch_user: bool
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, argv: Sequence[str], *, text: str = "", errors_to: IO[bytes] | int = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this account, in a folder it can enter."""
        return subprocess.run(  # noqa: S603 - programs we found ourselves, never through a shell
            argv,
            input=text,
            stdout=subprocess.PIPE,
            stderr=errors_to,
            text=True,
            check=False,
            cwd="/",
            env={**_ENVIRONMENT, **self.environment},
            start_new_session=True,
            timeout=300,  # first use writes and syncs 40 MB, on a disk that may be very slow
            user=self.uid if self.switch_user else None,
            group=self.gid if self.switch_user else None,
            extra_groups=[] if self.switch_user else None,
        )

    def reaches(self, path: Path) -> bool:
        """Return whether this account can open the path, by trying.

        Modes alone do not show ACLs and mounts.
        """
        return (
            not self.switch_user
            or self.run(["/bin/sh", "-c", 'test -r "$0" || test -x "$0"', str(path)]).returncode == 0
        )

    def own(self, path: Path, *, mode: int) -> None:
        """Change the owner of a path that we made to this account."""
        if self.switch_user:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        path.chmod(mode)

    def grant_group(self, path: Path, *, mode: int) -> None:
        """Grant this account's group the use of a path of ours."""
        if self.switch_user:
            os.chown(path, -1, self.gid, follow_symlinks=False)
        path.chmod(mode)


def myself(**environment: str) -> Account:
    """Return the user of this process."""
    return Account(os.geteuid(), os.getegid(), switch_user=False, environment=environment)


def unprivileged(data: Path) -> Account:
    """Return the user that PostgreSQL runs as.

    The current user, or for root the data's owner, else postgres, else nobody.
    """
    if os.geteuid() != 0:
        return myself()
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, switch_user=True)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, switch_user=True)
    raise EngineUnavailable("PostgreSQL does not run as root, and neither user 'postgres' nor 'nobody' exists here")
