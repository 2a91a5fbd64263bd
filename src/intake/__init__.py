"""Files people hand in, read into domain values."""
