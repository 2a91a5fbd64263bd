"""What calls cost, as people and scripts read it."""

from decimal import Decimal

import pytest

from src.domain.usage import Spend, in_digits


@pytest.mark.parametrize(
    ("amount", "spelled"),
    [("0E-8", "0"), ("0.00000120", "0.0000012"), ("100.00000000", "100"), ("12.34000000", "12.34")],
)
def test_an_amount_is_spelled_in_digits(amount: str, spelled: str) -> None:
    assert in_digits(Decimal(amount)) == spelled
    assert Spend(cost_usd=Decimal(amount)).model_dump(mode="json")["cost_usd"] == spelled


def test_an_amount_stays_a_number_inside() -> None:
    assert Spend(cost_usd=Decimal("0.10000000")).model_dump()["cost_usd"] == Decimal("0.1")
