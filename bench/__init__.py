"""Measures Longtail against what it must reach: ``python -m bench``.

Ratios compare within one run only.

Read ``model_server`` (what stands in for the models, and counts), ``workload`` (what is written), ``floor`` (the least
it could cost), ``installation`` and ``measured`` (what it costs), ``interruptions`` (a worker ends early), ``tables``.
"""
