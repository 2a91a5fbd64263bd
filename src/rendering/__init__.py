"""Stage outputs to an article's text, and that to pages."""
