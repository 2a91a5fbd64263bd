"""The offline writer: a stand-in that needs no key and is not AI."""
