"""Lets ``python -m src.cli`` be the command line, for processes that start each other."""

from .main import run

if __name__ == "__main__":
    run()
