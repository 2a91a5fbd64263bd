"""The neighbours: the embedded engines, the database, the model providers, Temporal.

One folder each.
"""
