"""When an approved text goes live: by the site's rule, or as the approver wishes."""

from datetime import UTC, datetime

import pytest

from src.application.approvals import wanted_by
from src.application.publication_requests import Wanted
from src.domain.publishing import PublishWish, Wish
from src.domain.site import OnApproval

AT = datetime(2026, 12, 24, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (OnApproval.WAIT, None),
        (OnApproval.NOW, Wanted()),
        (OnApproval.CADENCE, Wanted(by_cadence=True)),
    ],
)
def test_without_a_wish_the_sites_rule_says_when(rule: OnApproval, wanted: Wanted | None) -> None:
    assert wanted_by(rule, None) == wanted


@pytest.mark.parametrize("rule", OnApproval)
@pytest.mark.parametrize(
    ("wish", "wanted"),
    [
        (Wish.NO, None),
        (Wish.NOW, Wanted()),
        (Wish.CADENCE, Wanted(by_cadence=True)),
        (AT, Wanted(at=AT)),
    ],
)
def test_a_wish_goes_before_the_rule(rule: OnApproval, wish: PublishWish, wanted: Wanted | None) -> None:
    assert wanted_by(rule, wish) == wanted
