"""What a page says of the write that led to it.

It travels in a cookie, for one page."""

import base64

from pydantic import BaseModel, ConfigDict, Field, ValidationError

COOKIE = "longtail_notice"
SECONDS = 60  # it is for the page that follows
LONGEST_PATH = 600  # characters of an address in it: cookies have 4 KB


class Notice(BaseModel):
    """What happened, and what can be done next.

    Attributes:
        kind: the class of the state before it: ok, warn, bad or off.
        head: one or two words, such as "Approved".
        text: the sentence after it.
        link: a path of the desk, with the words of its link.
        undo: a path of the desk that a form is sent to.
    """

    model_config = ConfigDict(frozen=True)

    kind: str = Field(default="ok", pattern="^(ok|warn|bad|off)$")
    head: str = Field(max_length=60)
    text: str = Field(default="", max_length=600)
    link: str | None = Field(default=None, pattern="^/desk/", max_length=LONGEST_PATH)
    link_text: str = Field(default="Open", max_length=60)
    undo: str | None = Field(default=None, pattern="^/desk/", max_length=LONGEST_PATH)


def written(notice: Notice) -> str:
    """Return the cookie's value."""
    return base64.urlsafe_b64encode(notice.model_dump_json(exclude_none=True).encode()).decode().rstrip("=")


def read(value: str | None) -> Notice | None:
    """Return the notice of a cookie; None for anything else."""
    if not value:
        return None
    try:
        return Notice.model_validate_json(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    except (ValueError, ValidationError):  # not from us, or of another version
        return None
