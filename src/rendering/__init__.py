"""Stage outputs to complete HTML pages."""
