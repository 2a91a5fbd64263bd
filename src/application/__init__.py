"""Use cases that decide something, one module per noun."""
