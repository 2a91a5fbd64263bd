"""The database's history, one revision a file: expand first, contract in a later release."""
