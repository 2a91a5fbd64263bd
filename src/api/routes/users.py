"""People, their roles and tokens; who you are."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from src.application import api_tokens, people
from src.domain.api_token import ApiToken
from src.domain.paging import NamePosition
from src.domain.person import Grant, Person, Role

from ..authentication import Acting
from ..once import HOLDS_SECRET, Route
from ..pages import Asked, Listed, listed
from ..values import NAME, SLUG, Body, PersonName, TokenName

router = APIRouter(route_class=Route, tags=["users"])

Name = Annotated[str, StringConstraints(pattern=NAME)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Site = Annotated[str, StringConstraints(min_length=2, max_length=60, pattern=SLUG)]


class Granted(Body):
    """A role on a site."""

    role: Role
    site: Site | None = Field(default=None, description="Left out: all sites.")

    @property
    def grant(self) -> Grant:
        """Return it as the domain's value."""
        return Grant(role=self.role, site=self.site)


class NewPerson(Body):
    """Somebody to be added."""

    name: Name
    display_name: Text | None = None
    email: Text | None = None
    os_user: Text | None = Field(default=None, description="Who he is to the operating system of the command line.")
    grant: Granted | None = None


class NewToken(Body):
    """A token to be made."""

    name: Name
    scopes: tuple[Role, ...] = Field(default=(), max_length=5, description="Left out: the roles that the person has.")
    site: Site | None = Field(default=None, description="The only site that it is for.")
    days: Annotated[int, Field(ge=1, le=3650)] | None = Field(description="When it ends; null: never.")


class NewSecret(BaseModel):
    """A token with its secret, which is shown this once."""

    model_config = ConfigDict(frozen=True)

    token: ApiToken
    secret: str = Field(repr=False)


class Me(BaseModel):
    """Who asks, and within which bounds."""

    model_config = ConfigDict(frozen=True)

    name: str
    token: str | None
    scopes: tuple[Role, ...]
    site: str | None
    roles: tuple[Grant, ...]


@router.get("/me")
async def show_me(acting: Acting) -> Me:
    """Show who you are here."""
    by = acting.principal
    roles = by.person.grants if by.person else ()
    return Me(name=by.name, token=by.token, scopes=tuple(sorted(by.scopes)), site=by.site, roles=roles)


@router.get("/users")
async def list_users(acting: Acting, paging: Asked) -> Listed[Person]:
    """List everybody, by name."""
    return listed(
        await people.list_people_page(acting.database, by=acting.principal, excerpt=paging.excerpt(NamePosition))
    )


@router.post("/users", status_code=201)
async def add_user(acting: Acting, asked: NewPerson) -> Person:
    """Add a person."""
    return await people.add_person(
        acting.database,
        asked.name,
        *([asked.grant.grant] if asked.grant else []),
        by=acting.principal,
        display_name=asked.display_name,
        email=asked.email,
        os_user=asked.os_user,
    )


@router.get("/users/{name}")
async def show_user(acting: Acting, name: PersonName) -> Person:
    """Show a person with his roles."""
    return await people.get_person(acting.database, name, by=acting.principal)


@router.post("/users/{name}/grant")
async def grant_role(acting: Acting, name: PersonName, asked: Granted) -> Person:
    """Give a person a role."""
    return await people.change_role(acting.database, name, asked.grant, by=acting.principal)


@router.post("/users/{name}/withdraw")
async def withdraw_role(acting: Acting, name: PersonName, asked: Granted) -> Person:
    """Take a role from a person."""
    return await people.change_role(acting.database, name, asked.grant, by=acting.principal, withdraw=True)


@router.post("/users/{name}/disable")
async def disable_user(acting: Acting, name: PersonName) -> Person:
    """Let a person act no more, from the next request on."""
    return await people.set_disabled(acting.database, name, by=acting.principal, disabled=True)


@router.post("/users/{name}/enable")
async def enable_user(acting: Acting, name: PersonName) -> Person:
    """Let a person act again."""
    return await people.set_disabled(acting.database, name, by=acting.principal, disabled=False)


@router.get("/users/{name}/tokens")
async def list_tokens(acting: Acting, name: PersonName) -> list[ApiToken]:
    """List a person's tokens, without their secrets."""
    return await api_tokens.list_tokens(acting.database, name, by=acting.principal)


@router.post("/users/{name}/tokens", status_code=201, openapi_extra=HOLDS_SECRET)
async def create_token(acting: Acting, name: PersonName, asked: NewToken) -> NewSecret:
    """Make a token; its secret is in this answer and nowhere else."""
    made = await api_tokens.create_token(
        acting.database,
        name,
        asked.name,
        by=acting.principal,
        scopes=asked.scopes,
        site=asked.site,
        lifetime=timedelta(days=asked.days) if asked.days else None,
    )
    return NewSecret(token=made.token, secret=made.secret.get_secret_value())


@router.delete("/users/{name}/tokens/{token}")
async def revoke_token(acting: Acting, name: PersonName, token: TokenName) -> ApiToken:
    """End a token, from the next request on."""
    return await api_tokens.revoke_token(acting.database, name, token, by=acting.principal)
