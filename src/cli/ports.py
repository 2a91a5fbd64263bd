"""Ports that commands listen on unless somebody says another."""

API_PORT = 8400
