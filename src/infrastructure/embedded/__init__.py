"""PostgreSQL and Temporal on this machine, without Docker.

Demo, development and tests run on them.

Reading order: ``engines`` (what the rest of Longtail calls), ``postgres`` and ``temporal`` (one server each),
``sharing`` (several processes, one server), ``place`` and ``account`` (whose, and where), ``binaries``, ``cluster``,
``process``, ``port``.
"""
