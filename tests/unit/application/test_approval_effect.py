"""What an approval would do, as facts."""

from datetime import UTC, datetime

import pytest

from src.api.desk.effect_words import effect_words
from src.application.approval_effect import Effect, SiteEffect, effect_of
from src.domain.principal import Principal

ANNA = Principal.owner("anna")
AT = datetime(2026, 1, 10, 13, tzinfo=UTC)
PLAIN = SiteEffect(name="Shop", time_zone="Europe/Berlin", may=True, publishes=True, at=AT, needed=1)
TWO = PLAIN.model_copy(update={"needed": 2})


@pytest.mark.parametrize(
    ("site", "facts", "effect", "words"),
    [
        (PLAIN, {}, Effect.LIVE, "goes live Sat 10 Jan 14:00 CET"),
        (PLAIN.model_copy(update={"publishes": False, "at": None}), {"offline": True}, Effect.WAITS, "waits for"),
        (PLAIN.model_copy(update={"at": None}), {}, Effect.NO_ROOM, "no day is free"),
        (PLAIN, {"offline": True}, Effect.OFFLINE, "not published"),
        (PLAIN, {"blocking": 1}, Effect.FINDINGS, "errors"),
        (PLAIN.model_copy(update={"may": False}), {"blocking": 1}, Effect.NOT_PERMITTED, "not yours"),
        (TWO, {}, Effect.ANOTHER, "1 of 2 approvals"),
        (TWO, {"approved_by": ["anna"]}, Effect.GIVEN, "another person"),
        (TWO, {"approved_by": ["ben"]}, Effect.LIVE, "goes live"),
        (TWO, {"approved_by": ["ben", "anna"]}, Effect.LIVE, "goes live"),
    ],
)
def test_an_approval_says_what_it_does(site: SiteEffect, facts: dict[str, object], effect: Effect, words: str) -> None:
    found = effect_of(site, by=ANNA, **({"offline": False} | facts))  # type: ignore[arg-type]
    assert found.effect is effect
    assert words in effect_words(found)
    assert found.may == (effect not in (Effect.GIVEN, Effect.FINDINGS, Effect.NOT_PERMITTED))
