"""What a worker runs, as far as two deployments differ."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class RunningCode(BaseModel):
    """Code and settings of a process; None where a version is silent.

    Attributes:
        version: the commit, or the package's version.
        generation: of its workflow code.
        migration: the newest one that it knows.
        prompts: stage -> hash of its rules.
        settings: those that deployments change, the models per stage among them; no secrets.
    """

    model_config = ConfigDict(frozen=True)

    version: str
    generation: int | None = None
    migration: str | None = None
    prompts: dict[str, str] | None = None
    settings: dict[str, Any] | None = None


class Difference(BaseModel):
    """What two deployments have differently; None where one lacks it.

    Attributes:
        kind: ``prompt``, ``model``, ``setting``, ``version``, ``generation`` or ``migration``.
        name: a stage, or a setting.
        here: this code's.
        there: the other's.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    name: str
    here: str | None
    there: str | None


def compare(here: RunningCode, there: RunningCode) -> tuple[Difference, ...]:
    """Return what differs, in a fixed order.

    What the other does not say is left out.
    """
    found = [
        *_differences("version", {"code": here.version}, {"code": there.version}),
        *_differences("generation", {"workflows": here.generation}, {"workflows": there.generation}),
        *_differences("migration", {"schema": here.migration}, {"schema": there.migration}),
        *_differences("prompt", here.prompts, there.prompts),
    ]
    for kind, ours, theirs in (("model", _models(here), _models(there)), ("setting", _others(here), _others(there))):
        found += _differences(kind, ours, theirs)
    return tuple(found)


def _models(code: RunningCode) -> Mapping[str, Any] | None:
    return None if code.settings is None else code.settings.get("models", {})


def _others(code: RunningCode) -> Mapping[str, Any] | None:
    return None if code.settings is None else {name: each for name, each in code.settings.items() if name != "models"}


def _differences(kind: str, here: Mapping[str, Any] | None, there: Mapping[str, Any] | None) -> list[Difference]:
    if there is None or set(there.values()) == {None}:
        return []
    ours = here or {}
    return [
        Difference(kind=kind, name=name, here=_text(ours.get(name)), there=_text(there.get(name)))
        for name in sorted({*ours, *there})
        if ours.get(name) != there.get(name)
    ]


def _text(value: object) -> str | None:
    return None if value is None else str(value)
