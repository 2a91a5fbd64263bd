"""Words why something was refused, without ids."""

import re

from src.domain.errors import Conflict, ConflictReason, LongtailError

_WITH_ID = re.compile(r"\b(article|batch|publication) '?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'?")
_WORDS = {
    ConflictReason.ARTICLE_HAS_NO_PAGE: "it is being written anew; look again in a minute",
    ConflictReason.KEY_USED: "this form made another decision on the article already; open it again",
}


def refusal_words(error: LongtailError) -> str:
    """Return the error's sentence, without a full stop."""
    known = _WORDS.get(error.reason) if isinstance(error, Conflict) else None
    return known or _WITH_ID.sub(r"the \1", error.message)
