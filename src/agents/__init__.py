"""Agents A to D.

Each builds a prompt, calls a model through one port, and validates the answer.

Read ``language_model`` (the port), ``keyword_analysis``, ``outline``, ``article``, ``seo_metadata`` (the agents in
their order), ``structured_output`` (one call, at most one repair), ``article_rules`` (what C is held to), then ``html``
and ``page`` (what a reader gets). Nothing here knows a vendor, a database or Temporal.
"""
