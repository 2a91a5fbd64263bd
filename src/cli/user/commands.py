"""``longtail user``: people and their roles."""

from collections.abc import Sequence
from typing import Annotated

import typer

from src.application.people import add_person, change_role, get_person, list_people, set_disabled
from src.domain.person import Grant, Person, Role

from ..connections import os_user_here, with_person
from ..options import JsonOption
from ..terminal import local, out, print_json, print_table
from .passwords import log_out, reset
from .tokens import app as tokens

app = typer.Typer(
    help="Add people, give them roles, passwords and API tokens.", no_args_is_help=True, add_completion=False
)
app.add_typer(tokens, name="token")
app.command()(reset)
app.command("log-out")(log_out)

NameOption = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
SitesOption = Annotated[
    list[str] | None, typer.Option(help="Only on this site; may be repeated; default: on all sites.")
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters and digits; kept for ever.")],
    role: Annotated[Role | None, typer.Option(help="The first role; others by: longtail user role.")] = None,
    site: SitesOption = None,
    os_user: Annotated[
        str | None,
        typer.Option(
            "--os-user", help="Who this is to the operating system (what id -un prints), so that --as is not needed."
        ),
    ] = None,
    display_name: Annotated[str | None, typer.Option("--display-name", help="As bylines and lists show it.")] = None,
    email: Annotated[str | None, typer.Option(help="Where to write to.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Add a person.

    The first has to be an admin of all sites. From then on every command is somebody's: the user that --as names, else
    the one whose --os-user is yours.

    Roles: viewer reads; reviewer decides about articles; publisher decides what goes live; operator runs batches and
    schedules; admin adds people and sites.

    Example: longtail user add anna --role admin --os-user anna
    """
    if role is None and site:
        raise typer.BadParameter("--site says where a role counts; name the role with --role")
    grants = _grants(role, site) if role else []
    person = with_person(
        lambda database, by: add_person(
            database, name, *grants, by=by, display_name=display_name, email=email, os_user=os_user
        )
    )
    _print(person, as_json=as_json)
    if not as_json and (person.os_user is None or person.os_user != os_user_here()):
        out.print(f"act as this user with: longtail --as {person.name}")


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the users with their roles.

    Example: longtail user list
    """
    people = with_person(lambda database, by: list_people(database, by=by))
    if as_json:
        print_json(people)
        return
    print_table(
        ["user", "name", "roles", "operating system", "since", "state"],
        (
            [
                each.name,
                each.display_name,
                _roles(each.grants),
                each.os_user or "–",
                local(each.created_at),
                _state(each),
            ]
            for each in people
        ),
        folding=("roles", "name"),
        spare=("since", "operating system"),
    )


@app.command()
def show(name: NameOption, as_json: JsonOption = False) -> None:
    """Show a user.

    Example: longtail user show anna
    """
    _print(with_person(lambda database, by: get_person(database, name, by=by)), as_json=as_json)


@app.command()
def role(
    name: NameOption,
    wanted: Annotated[Role, typer.Argument(metavar="ROLE", help=f"One of {', '.join(Role)}.")],
    site: SitesOption = None,
    withdraw: Annotated[bool, typer.Option("--remove", help="Take the role instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Give a user a role, or take it.

    It counts from the user's next request on. A role for all sites and one for a site are two: each is taken by itself.

    Example: longtail user role bert operator --site hardware-shop
    """
    grants = _grants(wanted, site)
    person = with_person(lambda database, by: change_role(database, name, *grants, by=by, withdraw=withdraw))
    _print(person, as_json=as_json)


@app.command()
def disable(name: NameOption, as_json: JsonOption = False) -> None:
    """Let a user act no more.

    The user's tokens are refused too, from the next request on. Nothing that was done is lost, and the name stays in
    the audit trail.

    Example: longtail user disable bert
    """
    person = with_person(lambda database, by: set_disabled(database, name, by=by, disabled=True))
    _print(person, as_json=as_json)


@app.command()
def enable(name: NameOption, as_json: JsonOption = False) -> None:
    """Let a user act again.

    Example: longtail user enable bert
    """
    person = with_person(lambda database, by: set_disabled(database, name, by=by, disabled=False))
    _print(person, as_json=as_json)


def _grants(role: Role, sites: Sequence[str] | None) -> list[Grant]:
    """Return the role on each site; on all where none is named."""
    return [Grant(role=role, site=site) for site in sites] if sites else [Grant(role=role, site=None)]


def _print(person: Person, *, as_json: bool) -> None:
    if as_json:
        print_json(person)
        return
    out.print(f"{person.name}: {person.display_name}, {_state(person)}", markup=False)
    out.print(f"roles: {_roles(person.grants)}", markup=False)
    if person.os_user:
        out.print(f"is {person.os_user} to the operating system", markup=False)
    if person.email:
        out.print(person.email, markup=False)


def _roles(grants: Sequence[Grant]) -> str:
    return ", ".join(f"{grant.role} of {grant.site or 'all sites'}" for grant in grants) or "none"


def _state(person: Person) -> str:
    return f"disabled since {local(person.disabled_at)}" if person.disabled_at else "active"
