"""Domain values and rules.

Standard library and pydantic only, no clock, no network, no session.

Read ``site`` and ``longtail`` (what is asked for; ``site_file`` and ``keyword_list`` read it), ``stages`` (what the
agents hand on), ``article``, ``batch`` and ``usage`` (how far it got, what it cost), ``schedule``, ``slots``, ``gaps``,
``backfill``, ``forecast`` and ``hold`` (when it runs, and when it did not), ``errors`` (all that can go wrong).
"""
