"""Who is at the keyboard, for the audit trail."""

import getpass
import socket


def whoami() -> str:
    """``name@host`` of the operating system's user; the bare host where the user has no name."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a numeric user of a container
        return socket.gethostname()
