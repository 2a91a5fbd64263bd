"""The sample site and keywords that come with Longtail."""
