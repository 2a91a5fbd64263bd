"""Who may become what: the whole table of each status, and which repository function makes each change."""

from enum import StrEnum

import pytest

from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.longtail import LongtailStatus
from src.domain.publishing import PublicationStatus

ARTICLES = """
                  queued generating needs_review changes_requested approved rejected parked withdrawn failed cancelled
queued            yes    yes        yes          no                no       no       no     no        yes    yes
generating        no     yes        yes          no                no       no       no     no        yes    yes
needs_review      yes    no         yes          yes               yes      yes      yes    no        no     no
changes_requested yes    no         yes          yes               no       no       no     no        no     no
approved          no     no         yes          no                yes      no       no     yes       no     no
rejected          no     no         no           no                no       yes      no     no        no     no
parked            no     no         yes          no                no       no       yes    no        no     no
withdrawn         no     no         yes          no                no       no       no     yes       no     no
failed            yes    yes        yes          no                no       no       no     no        yes    yes
cancelled         yes    no         no           no                no       no       no     no        no     yes
"""
KEYWORDS = """
queued            claimed
generating        claimed
needs_review      written
changes_requested written
approved          written
rejected          written ready
parked            written
withdrawn         written
failed            failed
cancelled         ready
"""
LONGTAILS = """
              ready   claimed     written       failed
ready         yes     yes         no            no
claimed       yes     yes         yes           yes
written       yes     yes         yes           no
failed        yes     yes         yes           yes
"""
BATCHES = """
              running completed   partly_failed failed  cancelled stopped
running       yes     yes         yes           yes     yes       yes
completed     yes     yes         yes           yes     no        no
partly_failed yes     yes         yes           yes     no        no
failed        yes     yes         yes           yes     no        no
cancelled     yes     no          no            no      yes       no
stopped       yes     yes         yes           yes     no        yes
"""
PUBLICATIONS = """
              scheduled publishing published verified replaced taking_off taken_off undone failed
scheduled     yes       yes        no        no       no       no         no        yes    no
publishing    no        yes        yes       no       no       no         no        no     yes
published     no        no         yes       yes      yes      yes        no        no     no
verified      no        no         yes       yes      yes      yes        no        no     no
replaced      no        no         no        no       yes      no         no        no     no
taking_off    no        no         yes       no       no       yes        yes       no     no
taken_off     no        no         no        no       no       no         yes       no     no
undone        no        no         no        no       no       no         no        yes    no
failed        no        no         no        no       no       no         no        no     yes
"""


def cells(table: str) -> dict[tuple[str, str], bool]:
    header, *rows = (line.split() for line in table.strip().splitlines())
    return {(row[0], target): cell == "yes" for row in rows for target, cell in zip(header, row[1:], strict=True)}


@pytest.mark.parametrize(
    ("states", "table"),
    [(ArticleStatus, ARTICLES), (LongtailStatus, LONGTAILS), (BatchStatus, BATCHES), (PublicationStatus, PUBLICATIONS)],
)
def test_who_may_become_what(states: type[StrEnum], table: str) -> None:
    assert {(a.value, b.value): a.may_become(b) for a in states for b in states} == cells(table)  # type: ignore[attr-defined]


@pytest.mark.parametrize("states", [ArticleStatus, LongtailStatus, BatchStatus, PublicationStatus])
def test_sources_are_the_column_of_the_table(states: type[StrEnum]) -> None:
    for target in states:
        assert states.sources(target) == tuple(a for a in states if a.may_become(target))  # type: ignore[attr-defined]


def test_what_the_keyword_is_meanwhile() -> None:
    rows = (line.split() for line in KEYWORDS.strip().splitlines())
    assert {status.value: [*status.keyword_statuses] for status in ArticleStatus} == {row[0]: row[1:] for row in rows}


def test_only_a_complete_text_is_decided_on() -> None:
    incomplete = [status for status in ArticleStatus if not status.is_complete]
    assert incomplete == [
        ArticleStatus.QUEUED,
        ArticleStatus.GENERATING,
        ArticleStatus.FAILED,
        ArticleStatus.CANCELLED,
    ]
    assert not any(a.may_become(b) for a in incomplete for b in ArticleStatus if b.is_decided)
