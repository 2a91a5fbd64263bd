"""Bad days by the dozen: ``python -m bench.chaos``.

``--seed 7`` runs one, ``--seeds 100`` many.

A seed draws what happens to an installation while it writes: workers are killed, drained and frozen, servers frozen
and stopped, connections cut, the provider limits and fails, people cancel, terminate, requeue and start again. Then all
is healed, what is left is run to its end, and the books are checked from outside.

Read ``plan`` (what happens), ``testbed`` (where), ``disturbances`` (how), ``recovery``, ``books`` (what must hold),
``trial`` (one seed).
"""
