"""Sites have addresses of their own, so that no two articles share one."""

import asyncio

import pytest

from src.application.sites import add_site, create_site, get_site_details, replace_site
from src.cli.errors import worded
from src.domain.errors import Conflict, ConflictReason
from src.domain.versions import Expected
from src.infrastructure.database.unit_of_work import Database
from tests.applications import ANNA
from tests.factories import a_site

SHOP = a_site(slug="hardware-shop", base_url="https://shop.example/guides")
GARDEN = a_site(slug="garden-shop", base_url="https://garden.example")
SAME = ("https://shop.example/guides", "https://SHOP.example/Guides", "https://shop.example/guides/")


@pytest.mark.parametrize("address", SAME)
async def test_the_base_url_of_another_site_is_refused(fresh: Database, address: str) -> None:
    await add_site(fresh, SHOP, by=ANNA)
    await add_site(fresh, GARDEN, by=ANNA)
    new, changed = (a_site(slug=slug, base_url=address) for slug in ("new-shop", "garden-shop"))
    for write in (
        add_site(fresh, new, by=ANNA),
        create_site(fresh, new, by=ANNA),
        add_site(fresh, changed, by=ANNA),
        replace_site(fresh, changed, by=ANNA, expected=Expected(anything=True)),
    ):
        with pytest.raises(Conflict) as refused:
            await write
        assert refused.value.reason is ConflictReason.BASE_URL_TAKEN
        assert refused.value.details["other"] == "hardware-shop"
    assert worded(refused.value) == (
        "the site hardware-shop has the base_url of garden-shop: https://shop.example/guides; "
        "give garden-shop a base_url of its own in its file, then: longtail site add FILE.toml"
    )
    assert (await get_site_details(fresh, "garden-shop", by=ANNA)).site == GARDEN


async def test_an_address_below_or_above_another_is_another(fresh: Database) -> None:
    await add_site(fresh, SHOP, by=ANNA)
    for number, address in enumerate(("https://shop.example", "https://shop.example/guides/taps")):
        assert await add_site(fresh, a_site(slug=f"shop-{number}", base_url=address), by=ANNA)


async def test_sites_that_share_an_address_already_can_be_changed(fresh: Database) -> None:
    twin = SHOP.model_copy(update={"slug": "twin-shop"})
    async with fresh.unit_of_work() as uow:
        await uow.sites.upsert(SHOP)
        await uow.sites.upsert(twin)
    assert not await add_site(fresh, twin.model_copy(update={"name": "Twin"}), by=ANNA)
    assert (await get_site_details(fresh, "twin-shop", by=ANNA)).site.name == "Twin"
    assert not await add_site(fresh, a_site(slug="twin-shop", base_url="https://twin.example"), by=ANNA)
    with pytest.raises(Conflict, match="the site hardware-shop has the base_url of twin-shop"):
        await add_site(fresh, twin, by=ANNA)


async def test_of_two_sites_with_one_address_at_once_one_is_added(fresh: Database) -> None:
    both = [SHOP, SHOP.model_copy(update={"slug": "twin-shop"})]
    added = await asyncio.gather(*(add_site(fresh, site, by=ANNA) for site in both), return_exceptions=True)
    assert sum(each is True for each in added) == 1
    assert sum(isinstance(each, Conflict) for each in added) == 1
