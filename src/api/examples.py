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
