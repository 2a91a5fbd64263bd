"""``longtail user token``: what scripts show instead of a person."""

from datetime import timedelta
from typing import Annotated

import typer

from src.application.api_tokens import create_token, list_tokens, revoke_token
from src.domain.person import Role

from ..connections import with_person
from ..options import JsonOption
from ..schedule.options import duration
from ..terminal import err, local, out, print_json, print_table

app = typer.Typer(help="Make API tokens, list them, revoke them.", no_args_is_help=True, add_completion=False)

UserOption = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
TokenOption = Annotated[str, typer.Argument(metavar="TOKEN", help="The token's name, one of the user's.")]

_FOR_EVER = "never"


@app.command()
def create(
    user: UserOption,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="What it is for: ci, newsroom.")],
    expires: Annotated[str, typer.Option(help="After this long: 90d, 12h; or never.")] = "90d",
    scope: Annotated[
        list[Role] | None, typer.Option(help="A role of the user that it may use; may be repeated; default: all.")
    ] = None,
    site: Annotated[str | None, typer.Option(help="Only for this site; default: all the user's sites.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token and show it, this once.

    Only a hash is kept. It may do what both its scopes and the user's roles allow at that moment.

    Example: longtail user token create anna ci --expires 30d --scope operator --site hardware-shop
    """
    lifetime: timedelta | None = None if expires == _FOR_EVER else duration(expires, "--expires")
    created = with_person(
        lambda database, by: create_token(
            database, user, token, by=by, scopes=tuple(scope or ()), site=site, lifetime=lifetime
        )
    )
    if as_json:
        print_json(created)
        return
    out.print(created.secret.get_secret_value(), markup=False, soft_wrap=True)
    until = f"until {local(created.token.expires_at)}" if created.token.expires_at else "until it is revoked"
    err.print(f"{created.token.label} counts {until}; it is not shown again", markup=False)


@app.command("list")
def list_(user: UserOption, as_json: JsonOption = False) -> None:
    """List a user's tokens, the oldest first; their secrets are not kept.

    Example: longtail user token list anna
    """
    tokens = with_person(lambda database, by: list_tokens(database, user, by=by))
    if as_json:
        print_json(tokens)
        return
    print_table(
        ["token", "scopes", "site", "made", "expires", "last used", "revoked"],
        (
            [
                each.name,
                ", ".join(each.scopes),
                each.site or "all",
                local(each.created_at),
                local(each.expires_at) if each.expires_at else _FOR_EVER,
                local(each.last_used_at),
                local(each.revoked_at),
            ]
            for each in tokens
        ),
        folding=("scopes",),
        spare=("made", "site"),
    )


@app.command()
def revoke(user: UserOption, token: TokenOption, as_json: JsonOption = False) -> None:
    """End a token; it is refused from its next request on.

    Example: longtail user token revoke anna ci
    """
    revoked = with_person(lambda database, by: revoke_token(database, user, token, by=by))
    if as_json:
        print_json(revoked)
        return
    out.print(f"{revoked.label} is revoked", markup=False)
