"""Shows each scrape the limits of providers, as this process knows them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from .limits import Gate, Limits

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_LABELS = ("endpoint", "model")
_UNLIMITED = float("inf")


class LimitMetrics(Collector):
    """The gates to models, one series each."""

    def __init__(self, limits: Limits, model: Callable[[str], str]) -> None:
        """``model`` returns the label of a model."""
        self._limits = limits
        self._model = model

    def describe(self) -> list["Metric"]:
        """Return nothing: registering reads no gate."""
        return []

    def collect(self) -> Iterator["Metric"]:
        """Yield pace, outages and queue of each model that was asked."""
        pace = GaugeMetricFamily(
            "longtail_provider_requests_allowed_per_second",
            "Requests a second that all workers grant a model; +Inf while no limit is known.",
            labels=_LABELS,
        )
        outages = GaugeMetricFamily(
            "longtail_provider_outages", "How often in a row a model did not answer; 0 when it does.", labels=_LABELS
        )
        waiting = GaugeMetricFamily(
            "longtail_provider_turns_waiting", "Attempts of this worker that wait for a turn.", labels=_LABELS
        )
        for (endpoint, model), gate in self._gates().items():
            names = (endpoint, model)
            pace.add_metric(names, _UNLIMITED if gate.known.pace is None else gate.known.pace)
            outages.add_metric(names, gate.known.outages)
            waiting.add_metric(names, gate.waiting)
        yield from (pace, outages, waiting)

    def _gates(self) -> dict[tuple[str, str], Gate]:
        """Return the gates by label.

        Of many that are ``other`` it is the one that allows least.
        """
        gates: dict[tuple[str, str], Gate] = {}
        for (endpoint, model), gate in self._limits.list_gates().items():
            name = (urlsplit(endpoint).hostname or endpoint, self._model(model))
            if name not in gates or _allowed(gate) < _allowed(gates[name]):
                gates[name] = gate
        return gates


def _allowed(gate: Gate) -> float:
    return _UNLIMITED if gate.known.pace is None else gate.known.pace
