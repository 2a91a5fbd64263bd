"""One module a noun; each has a ``router``."""
