"""Problem documents in the OpenAPI document."""

from typing import Any

from .errors import MEDIA_TYPE

_REFERENCE = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_WHEN = {
    400: "The body cannot be read.",
    401: "No token, or one that is unknown, expired, revoked or of a disabled person.",
    403: "The token or its person may not do this there.",
    404: "There is none.",
    409: "It does not fit the state that things are in.",
    412: "It is not as it was; both versions are in the document.",
    413: "The body is too large.",
    422: "A value cannot be used.",
    428: "Say which state this changes: If-Match, or If-None-Match: *.",
    431: "The headers are too large.",
    500: "A defect; the log has it under the request's id.",
    502: "A model's provider failed.",
    503: "The database or Temporal does not answer.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": when, "content": _REFERENCE} for status, when in _WHEN.items()
}
SCHEMA = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. Further members are the facts of the problem.",
    "required": ["type", "title", "status", "detail", "retryable"],
    "properties": {
        "type": {"type": "string", "description": "Names the kind of problem; the same for all of its kind."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "The problem in one sentence."},
        "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
        "retry_after": {"type": "number", "description": "Seconds."},
        "hint": {"type": "string", "description": "What to do next, as a code."},
    },
    "additionalProperties": True,
    "example": {
        "type": "/problems/not-found",
        "title": "Not found",
        "status": 404,
        "detail": "no site 'shop'",
        "retryable": False,
        "hint": "show_sites",
        "noun": "site",
        "key": "shop",
        "known": ["garden"],
    },
}
