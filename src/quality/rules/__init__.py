"""The rules of a finished text, a module for each family."""
