"""The command line: one noun, one module, one grammar.

Read ``main`` (the verbs and the edge where errors become one line), ``connections`` (what a command works with), then
any noun.
"""
