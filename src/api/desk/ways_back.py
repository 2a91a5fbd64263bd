"""Pages of the desk that a login leads back to."""

from urllib.parse import urlsplit

from .shell import PATH

HOME = f"{PATH}/"
_LONGEST = 2_000  # characters; an address of ours has far fewer
_NOT_AGAIN = frozenset({f"{PATH}/login", f"{PATH}/logout", f"{PATH}/confirm"})


def way_back(asked: str | None) -> str:
    """Return the page that was asked for, today's for any other address.

    An address of another host, also one that only a browser reads so, is none of ours.
    """
    if not asked or len(asked) > _LONGEST or not asked.isprintable() or "\\" in asked or not asked.startswith(HOME):
        return HOME
    path = urlsplit(asked).path
    if "//" in path or ".." in path.split("/") or path.rstrip("/") in _NOT_AGAIN:
        return HOME
    return asked
