"""Activities: one effect and one transaction each.

``batches``, ``stages``, ``articles``.
"""
