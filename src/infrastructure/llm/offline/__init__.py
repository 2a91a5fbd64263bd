"""The offline writer, which needs no key and is not AI."""
