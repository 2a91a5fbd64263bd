"""Logs, metrics and traces of one process.

docs/telemetry.md lists what there is. Their libraries are imported where they are switched on.
"""
