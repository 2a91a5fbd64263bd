"""Makes ``python -m src.cli`` the command line."""

from .main import run

if __name__ == "__main__":
    run()
