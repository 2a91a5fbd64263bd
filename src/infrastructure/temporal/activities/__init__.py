"""What touches the world, one effect and one transaction each.

``batches``, ``stages``, ``articles``.
"""
