"""Temporal: ids, policies and messages first, then what runs: workflows, activities, the worker, schedules.

``workflows`` hold the order of things and nothing that touches the world; ``activities`` touch it, one effect each.
"""
