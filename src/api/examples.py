"""Examples in the OpenAPI document; a test sends each of them."""

SITE = {
    "slug": "hardware-shop",
    "name": "Nut & Bolt",
    "base_url": "https://shop.example",
    "language": "en",
    "time_zone": "Europe/London",
    "articles_per_batch": 8,
    "profile": {
        "audience": "people who repair things at home",
        "facts": [{"id": "returns", "text": "Tools can be returned within 60 days."}],
    },
}
SCHEDULE = {"times": ["06:00"], "weekdays": [1, 2, 3, 4, 5], "time_zone": "Europe/London", "articles": 5}
_HASH = "3f9a2c01d4e5b6a798c0d1e2f3a4b5c63f9a2c01d4e5b6a798c0d1e2f3a4b5c6"
_SEEN = [{"article_id": "7be1c2d4-0f5a-4c1e-9a53-2f6b8d1c7e90", "content_hash": _HASH}]
_CHANGES = {"reason": "tone", "note": "friendlier, please"}
_REJECTION = {"reason": "duplicate", "keyword": "never"}

CLAIM = {"take_over": False}
ASSIGNMENT = {"person": "anna"}
COMMENT = {"text": "Who says so?", "section": "what-you-need"}
SEEN = {"sections": ["", "what-you-need"]}
WAIVER = {"content_hash": _HASH, "reason": "a quote"}
APPROVAL = {"content_hash": _HASH, "note": "well done"}
APPROVAL_NOW = {**APPROVAL, "publish": "now"}
APPROVAL_AT = {**APPROVAL, "publish": "2026-12-01T09:00:00Z"}
CHANGES = {"content_hash": _HASH, "section": "what-you-need", **_CHANGES}
REJECTION = {"content_hash": _HASH, **_REJECTION}
SNOOZE = {"until": "2026-12-24T09:00:00Z", "note": "after the launch"}
PARKING = {"note": "until spring"}
WITHDRAWAL = {"reason": "outdated"}
APPROVALS = {"texts": _SEEN}
APPROVALS_BY_CADENCE = {"texts": _SEEN, "publish": "cadence"}
MANY_CHANGES = {"texts": _SEEN, **_CHANGES}
REJECTIONS = {"texts": _SEEN, **_REJECTION}
EDIT = {
    "parent": _HASH,
    "form": "markdown",
    "title": "How to fix a leaky tap",
    "sections": {"what-you-need": {"text": "A *new washer* and ten minutes."}},
}
ACCEPTANCE = {"parent": _HASH, "before": 1, "after": 2, "hunks": []}
PUBLICATION = {"at": "2026-12-01T09:00:00Z"}
FORCED = {"reason": "a page of the demonstration"}
