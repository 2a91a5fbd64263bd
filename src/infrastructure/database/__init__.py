"""PostgreSQL: what is kept, and the one way to write it.

Read ``models`` (the tables), ``unit_of_work`` (the transaction boundary), then a repository per noun.
"""
