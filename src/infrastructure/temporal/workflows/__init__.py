"""Workflows: ``site_batch`` fans out, ``article`` runs A to D.

Replayed from history, so nothing here may touch a clock, the network, randomness or the environment.
"""
