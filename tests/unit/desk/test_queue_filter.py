"""The queue's filter in an address."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest

from src.api.desk.queue_filter import address_of, chips, inside, query_of, read_filter, read_inside
from src.domain.errors import InputInvalid
from src.domain.ids import BatchId
from src.domain.queue import FindingCounts, Found, QueueFilter, QueueSort, Tab

BATCH = BatchId(UUID("11111111-2222-3333-4444-555555555555"))
FILTERS = [
    QueueFilter(),
    QueueFilter(tab=Tab.LIVE),
    QueueFilter(words="a & b = 100% <script>?#", site="shop"),
    QueueFilter(words="登山靴 サイズ", language="zh-Hant-TW", colour="green", batch=BATCH),
    QueueFilter(words="أفضل مثقاب", findings=Found.BLOCKING, score_from=100),
    QueueFilter(waits_from=timedelta(hours=4), who="@me", claimed=False, snoozed=True),
    QueueFilter(waits_to=timedelta(days=3), who="@nobody", claimed=True, sort=QueueSort.WORST),
    QueueFilter(waits_from=timedelta(minutes=90), waits_to=timedelta(hours=36), who="me"),
]


@pytest.mark.parametrize("wanted", FILTERS, ids=range(len(FILTERS)))
def test_a_filter_is_read_as_it_was_written(wanted: QueueFilter) -> None:
    assert read_filter(dict(parse_qsl(query_of(wanted)))) == wanted
    assert read_filter(dict(parse_qsl(urlsplit(address_of(wanted)).query))) == wanted
    assert read_inside(dict(parse_qsl(inside(wanted))).get("in")) == wanted


@pytest.mark.parametrize("wanted", FILTERS, ids=range(len(FILTERS)))
def test_each_chip_removes_its_condition(wanted: QueueFilter) -> None:
    shown = chips(wanted, {})
    assert bool(shown) is not (wanted.is_default and not wanted.snoozed)
    for chip in shown:
        fewer = read_filter(dict(parse_qsl(urlsplit(chip.address).query)))
        assert len(chips(fewer, {})) == len(shown) - 1
        assert (fewer.tab, fewer.sort) == (wanted.tab, wanted.sort)


def test_what_a_form_leaves_empty_is_no_condition() -> None:
    assert read_filter({"q": " ", "site": "", "age": "", "score": "0", "page": "2"}) == QueueFilter()


@pytest.mark.parametrize(
    "query",
    [
        {"state": "gone"},
        {"age": "4 h"},
        {"age": "9h-4h"},
        {"age": "9999d-"},
        {"score": "101"},
        {"batch": "x"},
        {"who": "@all"},
        {"site": "../x"},
        {"claimed": "maybe"},
        {"q": "x" * 121},
        {"colour": "red"},
        {"sort": "random"},
    ],
)
def test_a_value_that_is_none_is_named(query: dict[str, str]) -> None:
    ((name, _),) = query.items()
    with pytest.raises(InputInvalid) as raised:
        read_filter(query)
    assert raised.value.field == name


def test_a_score_is_what_findings_leave() -> None:
    assert FindingCounts().score == 100
    assert FindingCounts(blocking=1, warning=2, note=3).score == 67
    assert FindingCounts(blocking=5, note=1).score == 0
