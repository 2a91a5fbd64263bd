"""``/metrics`` answers whatever the process does."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, Counter

from src.infrastructure.telemetry import metrics_server
from src.infrastructure.telemetry.metrics_server import LoopLag, MetricsServer
from src.infrastructure.telemetry.sdk_metrics import SdkMetrics, choose_address


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("longtail_tests", "Tests.", registry=registry).inc()
    return registry


@pytest.fixture
def server(registry: CollectorRegistry) -> Iterator[MetricsServer]:
    server = MetricsServer(registry, host="127.0.0.1", port=0)
    yield server
    server.close()


def read(server: MetricsServer) -> str:
    with urlopen(server.address) as answer:  # noqa: S310 - our own address
        return str(answer.read().decode())


def test_a_free_port_is_found_and_named(server: MetricsServer) -> None:
    assert "longtail_tests_total 1.0" in read(server)


def test_a_port_that_another_process_has_is_no_reason_not_to_work(registry: CollectorRegistry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = MetricsServer(registry, host="127.0.0.1", port=port)
        assert f":{port}/" not in server.address
        assert "longtail_tests_total 1.0" in read(server)
        server.close()


def test_an_address_that_is_not_ours_is_refused(registry: CollectorRegistry) -> None:
    with pytest.raises(OSError, match="assign requested address"):
        MetricsServer(registry, host="192.0.2.1", port=0)


async def test_a_busy_loop_is_seen(
    registry: CollectorRegistry, server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_server, "_LONGEST_LAG", 0.2)
    registry.register(LoopLag(asyncio.get_running_loop()))
    idle = await asyncio.to_thread(read, server)
    assert "longtail_event_loop_lag_seconds 0.2\n" not in idle
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(read(server)))
    thread.start()
    while thread.is_alive():  # the loop does nothing else until the scrape has its answer
        time.sleep(0.01)  # noqa: ASYNC251 - that is what is tried
    assert "longtail_event_loop_lag_seconds 0.2\n" in answers[0]


def test_an_sdk_that_does_not_answer_leaves_the_rest(registry: CollectorRegistry, server: MetricsServer) -> None:
    registry.register(SdkMetrics(choose_address()))
    assert "longtail_tests_total 1.0" in read(server)
