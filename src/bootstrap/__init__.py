"""Composition root: builds the use cases and the workers.

The command line, the API, the benchmark and the tests open everything here.
"""

from src.infrastructure.authentication.passwords import Passwords

from .application import Application, open_application
from .servers import (
    Servers,
    choose_port,
    open_database,
    open_local_postgres,
    open_local_servers,
    open_local_temporal,
    open_servers,
    postgres_programs,
)
from .telemetry import Process, ProcessTelemetry, open_telemetry, show_backlog
from .worker import build_watch_worker, build_worker, register_worker, run_worker, worker_grace, worker_identity

__all__ = [
    "Application",
    "Passwords",
    "Process",
    "ProcessTelemetry",
    "Servers",
    "build_watch_worker",
    "build_worker",
    "choose_port",
    "open_application",
    "open_database",
    "open_local_postgres",
    "open_local_servers",
    "open_local_temporal",
    "open_servers",
    "open_telemetry",
    "postgres_programs",
    "register_worker",
    "run_worker",
    "show_backlog",
    "worker_grace",
    "worker_identity",
]
