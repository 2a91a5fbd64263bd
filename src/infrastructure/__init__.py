"""Adapters: database, model providers, Temporal, embedded servers.

One folder each.
"""
