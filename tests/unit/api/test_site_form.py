"""The form of a site: what it shows becomes the same site again."""

import pytest
from pydantic import ValidationError

from src.api.desk.site_form import compacted, fields_of, tables_of
from src.domain.site import Site
from src.intake.site_file import field_problems
from tests.unit.intake.test_site_toml import with_everything


def test_a_form_that_is_sent_unchanged_changes_nothing() -> None:
    site = with_everything()
    assert Site.model_validate(tables_of(fields_of(site), site)) == site


def test_every_problem_is_told_by_its_field() -> None:
    fields = fields_of(with_everything()) | {
        "name": " ",
        "base_url": "shop",
        "language": "klingon",
        "articles_per_batch": "many",
        "review.reminder": "soon",
        "publishing.per_day": "0",
        "models.A": "nobody",
        "profile.facts[0].id": "NOT A SLUG",
        "profile.facts[1].text": "",
    }
    with pytest.raises(ValidationError) as caught:
        Site.model_validate(tables_of(fields, None))
    problems = field_problems(caught.value)
    assert set(problems) == {
        *("name", "base_url", "language", "articles_per_batch", "review.reminder", "publishing.per_day"),
        *("models.A.provider", "profile.facts[0].id", "profile.facts[1].text"),
    }
    assert problems["name"] == "fill this in: the site's name as its readers know it"
    assert problems["base_url"] == "write a whole address such as https://www.example.com"


def test_empty_rows_are_left_out_and_the_others_counted_anew() -> None:
    fields = {"profile.facts[0].id": "", "profile.facts[3].id": "a", "profile.facts[3].text": "b", "name": "x"}
    assert compacted(fields) == {"name": "x", "profile.facts[0].id": "a", "profile.facts[0].text": "b"}
