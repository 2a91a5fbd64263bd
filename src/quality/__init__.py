"""Checks of text: pure functions, no model, no network."""
