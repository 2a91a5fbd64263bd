"""The nouns and their rules: standard library and pydantic only, no clock, no network, no session.

Read ``site`` and ``longtail`` (what is asked for), ``stages`` (what the agents hand on), ``article`` and ``batch``
(how far it got), ``usage`` (what it cost), ``errors`` (all that can go wrong).
"""
