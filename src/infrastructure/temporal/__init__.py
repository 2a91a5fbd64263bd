"""Temporal: workflows, activities, worker and gateways.

``workflows`` hold the order of things and nothing that touches the world; ``activities`` touch it, one effect each.
"""
