"""Which colour an article starts on."""

from uuid import UUID

from src.domain.colour import BLUE, GREEN
from src.domain.deployment import Canary, colour_for, other_than
from src.domain.ids import ArticleId

ARTICLES = [ArticleId(UUID(int=number)) for number in range(2_000)]


def test_without_a_canary_an_article_stays_where_its_parent_runs() -> None:
    assert {colour_for(each, home=GREEN, canary=None) for each in ARTICLES} == {GREEN}


def test_a_canary_gets_its_share() -> None:
    canary = Canary(colour=GREEN, share=10)
    on_green = [each for each in ARTICLES if colour_for(each, home=BLUE, canary=canary) == GREEN]
    assert 150 < len(on_green) < 250


def test_a_larger_share_keeps_what_the_smaller_one_had() -> None:
    small, large = Canary(colour=GREEN, share=10), Canary(colour=GREEN, share=50)
    for each in ARTICLES:
        if colour_for(each, home=BLUE, canary=small) == GREEN:
            assert colour_for(each, home=BLUE, canary=large) == GREEN


def test_an_article_of_the_canary_itself_stays() -> None:
    assert {colour_for(each, home=GREEN, canary=Canary(colour=GREEN, share=1)) for each in ARTICLES} == {GREEN}


def test_there_are_two_colours() -> None:
    assert (other_than(BLUE), other_than(GREEN)) == (GREEN, BLUE)
