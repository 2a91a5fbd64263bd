"""Agents A to D.

Each builds a prompt, asks a model through one port, and checks the answer until it may be kept.

Read ``language_model`` (the port), ``keyword_analysis``, ``outline``, ``article``, ``seo_metadata`` (the agents in
their order), ``asking`` (one question, one correction at most), ``article_rules`` (what C is held to), then ``html``
and ``page`` (what a reader gets). Nothing here knows a vendor, a database or Temporal.
"""
