"""Stage outputs to an article's text, and that to pages."""

RENDERER_VERSION = 1  # raised with each change of the bytes that a text is rendered to
