"""``longtail user reset`` and ``log-out``: who may be in the desk."""

import sys
from typing import Annotated

import typer
from pydantic import SecretStr

from src.application.passwords import end_sessions, reset_password
from src.bootstrap import Passwords

from ..connections import with_person
from ..options import JsonOption
from ..terminal import err, out, print_json

NameOption = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]

_LONGEST_LINE = 1_000  # characters: more than any password, less than a file that was meant for something else


def reset(
    name: NameOption,
    from_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Set the first line of standard input instead of a random one.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Set a user's password for the desk, and show it, this once.

    Only a slow hash is kept (argon2id). All the user's sessions end, and tries that failed are forgotten. The user can
    change it in the desk under Account. Without a password nobody logs in: API tokens and the command line need none.

    Example: longtail user reset anna
    """
    given = SecretStr(sys.stdin.readline(_LONGEST_LINE).rstrip("\r\n")) if from_stdin else None
    made = with_person(
        lambda database, by: reset_password(database, name, by=by, passwords=Passwords(), password=given)
    )
    if as_json:
        print_json(made)
        return
    if given is None:
        out.print(made.password.get_secret_value(), markup=False, soft_wrap=True)
    shown = "it is not shown again" if given is None else "it is set"
    err.print(f"{name} logs in with it at /desk of the API; {shown}; {_ended(made.ended)}", markup=False)


def log_out(name: NameOption, as_json: JsonOption = False) -> None:
    """End a user's sessions in the desk, from the next request on.

    The user can log in again: longtail user disable NAME prevents that, longtail user reset NAME sets another password.

    Example: longtail user log-out anna
    """
    done = with_person(lambda database, by: end_sessions(database, name, by=by))
    if as_json:
        print_json(done)
        return
    out.print(f"{name}: {_ended(done.ended)}", markup=False)


def _ended(count: int) -> str:
    return f"{count} session{'' if count == 1 else 's'} ended"
