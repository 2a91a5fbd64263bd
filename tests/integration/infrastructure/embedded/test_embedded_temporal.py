"""Temporal of this machine: shared, found again, and never confused with another."""

import importlib.metadata
import json
import os
import re
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeNamespaceResponse
from temporalio.client import Client

from src.domain.errors import EngineUnavailable
from src.infrastructure.embedded.temporal import RETENTION, temporal

OtherUser = Callable[[str, Path], Any]


async def namespace(address: str) -> DescribeNamespaceResponse:
    client = await Client.connect(address)
    return await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))


async def test_the_first_start_keeps_histories_for_a_month(home: Path) -> None:
    with temporal(home, ui=False) as server:
        kept = (await namespace(server.address)).config.workflow_execution_retention_ttl
        assert kept.ToTimedelta() == RETENTION


def test_its_ui_answers_and_its_files_are_closed_to_others(home: Path) -> None:
    with temporal(home) as server:
        assert server.ui_url is not None
        with urllib.request.urlopen(server.ui_url) as page:  # noqa: S310 - http on loopback, as asserted
            assert page.status == 200
        assert server.ui_url.startswith("http://127.0.0.1:")
        assert home.stat().st_mode & 0o007 == 0
        assert (home / "temporal").stat().st_mode & 0o777 == 0o700


async def test_a_second_process_joins_and_the_last_one_out_stops_it(
    home: Path, other_user: OtherUser, ended: Callable[[int], None]
) -> None:
    with temporal(home) as server:
        other = other_user("temporal", home)
        assert other.address() == server.address
    await namespace(server.address)
    other.leave()
    assert server.pid is not None
    ended(server.pid)


async def test_a_killed_server_is_replaced_at_once_on_the_same_ports(home: Path) -> None:
    with temporal(home) as killed:
        before = (await namespace(killed.address)).namespace_info.id
        assert killed.pid is not None
        os.kill(killed.pid, signal.SIGKILL)
        with temporal(home) as server:
            assert (server.address, server.ui_url) == (killed.address, killed.ui_url)
            assert (await namespace(server.address)).namespace_info.id == before


async def test_the_server_of_a_killed_process_is_found_again(
    home: Path, other_user: OtherUser, ended: Callable[[int], None]
) -> None:
    other = other_user("temporal", home)
    address = other.address()
    other.kill()
    with temporal(home) as server:
        assert server.address == address
        await namespace(address)
    assert server.pid is not None
    ended(server.pid)


async def test_two_homes_stand_side_by_side(home: Path) -> None:
    with temporal(home) as one, temporal(home.with_name("home 2"), ui=False) as two:
        assert two.ui_url is None
        first, second = await namespace(one.address), await namespace(two.address)
        assert first.namespace_info.id != second.namespace_info.id


async def test_homes_that_start_at_the_same_moment_get_ports_of_their_own(home: Path, other_user: OtherUser) -> None:
    others = [other_user("temporal", home.with_name(f"{home.name}-{number}")) for number in range(3)]
    addresses = {other.address() for other in others}
    assert len(addresses) == 3
    for address in addresses:
        await namespace(address)


async def test_ports_that_somebody_took_are_left_to_them(home: Path, occupy: Callable[[int], None]) -> None:
    with temporal(home) as first:
        taken = [int(port) for port in (home / "temporal/ports").read_text().split()]
    for port in taken:
        occupy(port)
    with temporal(home) as second:
        assert second.address != first.address
        assert second.ui_url != first.ui_url
        await namespace(second.address)


async def test_damaged_notes_do_not_stand_in_the_way(home: Path) -> None:
    (home / "temporal").mkdir(parents=True)
    (home / "temporal/ports").write_bytes(b'{"port": \xff')
    with temporal(home, ui=False) as server:
        await namespace(server.address)


def test_a_damaged_database_is_an_error_with_the_end_of_the_log(home: Path) -> None:
    (home / "temporal").mkdir(parents=True)
    (home / "temporal/temporal.db").write_text("this is not a database, whatever its name says " * 100)
    with pytest.raises(
        EngineUnavailable, match=re.compile(r"did not start.*temporal\.log ends:.*not a database", re.DOTALL)
    ):
        temporal(home).__enter__()


def test_a_home_that_is_a_file_is_named(home: Path) -> None:
    home.write_text(json.dumps({}))
    with pytest.raises(EngineUnavailable, match=f"{home}.*LONGTAIL_HOME has to be a folder"):
        temporal(home).__enter__()


def test_without_any_temporal_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda _: None)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EngineUnavailable, match=r"no Temporal.*make setup.*TEMPORAL_ADDRESS"):
        temporal(home).__enter__()
