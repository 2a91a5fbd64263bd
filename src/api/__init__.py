"""The JSON API: routes that authenticate, call a use case, and answer.

Read ``app`` first, then ``authentication``, then a module of ``routes``. Each use case opens its own unit of work, one
transaction for a request; those that also talk to Temporal own the order of theirs.
"""
