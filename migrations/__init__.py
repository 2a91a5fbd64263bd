"""The database's history, one revision a file.

Expand first, contract in a later release.
"""
