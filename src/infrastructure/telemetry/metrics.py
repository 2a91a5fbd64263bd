"""Metrics of Prometheus: what this process did and does.

A metric begins at nought with the process. docs/telemetry.md lists them all, and a test compares it with a run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.process_collector import ProcessCollector

from src.domain.article import ArticleStatus
from src.domain.publishing import PublicationStatus
from src.domain.stages import STAGES, Stage
from src.infrastructure.database.model_calls import CallRequest, CallResult
from src.settings import Settings

from . import labels

_CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600)
_WAIT_SECONDS = (0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 14400, 43200)
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_CALL = ("provider", "model", "stage")
_ENDS = (ArticleStatus.NEEDS_REVIEW, ArticleStatus.FAILED, ArticleStatus.CANCELLED)
_PUBLISHED = (
    PublicationStatus.VERIFIED,
    PublicationStatus.PUBLISHED,
    PublicationStatus.TAKEN_OFF,
    PublicationStatus.UNDONE,
    PublicationStatus.FAILED,
)


class Metrics:
    """The metrics of one process, in a registry of its own."""

    def __init__(self, settings: Settings) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which Prometheus has no use for
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._models = labels.ModelNames(settings)
        self._build = Info("longtail_build", "What runs: kind, instance, colour, commit.", registry=self.registry)

    def name(self, **facts: str) -> None:
        """Show what runs."""
        self._build.info(facts)

    def model(self, name: str) -> str:
        """Return the label of a model."""
        return self._models.label(name)


class ApiMetrics(Metrics):
    """What a process that serves the API did."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._requests = Counter(
            "longtail_http_requests",
            "Requests answered.",
            ("operation", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "longtail_http_request_seconds",
            "Time until the last byte of an answer, or until a stream of events ended.",
            ("operation",),
            buckets=_REQUEST_SECONDS,
            registry=self.registry,
        )

    def request_served(self, *, operation: str | None, method: str, status: int | None, seconds: float) -> None:
        """Count a request.

        ``operation`` is the handler's name, None where no route matched.
        """
        known = operation or labels.OTHER
        self._requests.labels(known, labels.method(method), str(status or 0)).inc()
        self._seconds.labels(known).observe(seconds)


class WorkerMetrics(Metrics):
    """What a worker did and does."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._count_stages(settings)
        self._count_calls()
        self._count_ends()

    def _count_stages(self, settings: Settings) -> None:
        registry = self.registry
        self._stage_seconds = Histogram(
            "longtail_stage_seconds",
            "Time that an attempt at a stage took, its model calls included.",
            ("stage", "outcome"),
            buckets=_CALL_SECONDS,
            registry=registry,
        )
        self._stage_wait = Histogram(
            "longtail_stage_wait_seconds",
            "Time that an attempt waited in the task queue.",
            ("stage",),
            buckets=_WAIT_SECONDS,
            registry=registry,
        )
        self._retries = Counter(
            "longtail_stage_retries",
            "Attempts at a stage that ended with an error and come again, by its cause.",
            ("stage", "cause"),
            registry=registry,
        )
        self._failures = Counter(
            "longtail_stage_failures",
            "Stages that failed for good, by the cause.",
            ("stage", "cause"),
            registry=registry,
        )
        self._slots = Gauge("longtail_model_slots", "Stages that this worker makes at once.", registry=registry)
        self._used = Gauge("longtail_model_slots_used", "Stages that it makes now.", registry=registry)
        self._slots.set(settings.model_slots)

    def _count_calls(self) -> None:
        registry = self.registry
        self._calls = Counter("longtail_model_calls", "Model calls that ended.", (*_CALL, "status"), registry=registry)
        self._call_errors = Counter(
            "longtail_model_call_errors",
            "Model calls without an answer, by the error.",
            (*_CALL, "cause"),
            registry=registry,
        )
        self._call_seconds = Histogram(
            "longtail_model_call_seconds", "Time of a model call.", _CALL, buckets=_CALL_SECONDS, registry=registry
        )
        self._tokens = Counter(
            "longtail_tokens", "Tokens, as the providers counted.", (*_CALL, "kind"), registry=registry
        )
        self._cost = Counter(
            "longtail_cost_usd", "Cost of the calls whose price is known, in US dollars.", _CALL, registry=registry
        )
        self._unpriced = Counter("longtail_unpriced_calls", "Calls whose cost is not known.", _CALL, registry=registry)

    def _count_ends(self) -> None:
        self._articles = Counter(
            "longtail_articles", "Articles that ended, by outcome.", ("outcome",), registry=self.registry
        )
        self._publications = Counter(
            "longtail_publications",
            "Publications that were carried out, by what they are then.",
            ("status",),
            registry=self.registry,
        )
        for status in _ENDS:
            self._articles.labels(status.value)
        for published in _PUBLISHED:
            self._publications.labels(published.value)
        for stage in STAGES:
            self._stage_wait.labels(stage.value)
            self._stage_seconds.labels(stage.value, "done")

    @contextmanager
    def slot_used(self) -> Iterator[None]:
        """Count a slot as used until the block ends."""
        with self._used.track_inprogress():
            yield

    def stage_ended(self, stage: Stage, outcome: str, *, seconds: float, waited: float) -> None:
        """Count an attempt: ``done``, ``failed``, ``retried`` or ``cancelled``."""
        self._stage_seconds.labels(stage.value, outcome).observe(seconds)
        self._stage_wait.labels(stage.value).observe(max(waited, 0))

    def stage_failed(self, stage: Stage, error_type: str, *, is_final: bool) -> None:
        """Count why an attempt gave no output."""
        counter = self._failures if is_final else self._retries
        counter.labels(stage.value, labels.cause(error_type)).inc()

    def call_closed(self, request: CallRequest, result: CallResult) -> None:
        """Count a model call."""
        names = (request.provider, self.model(request.model), request.stage.value)
        self._calls.labels(*names, result.status.value).inc()
        self._call_seconds.labels(*names).observe(result.latency_ms / 1000)
        if result.error_type is not None:
            self._call_errors.labels(*names, labels.cause(result.error_type)).inc()
        for kind, count in _tokens(result).items():
            self._tokens.labels(*names, kind).inc(count)
        if result.cost_usd is None:
            self._unpriced.labels(*names).inc()
        else:
            self._cost.labels(*names).inc(float(result.cost_usd))

    def article_ended(self, outcome: ArticleStatus) -> None:
        """Count an article whose workflow stored how it ended."""
        self._articles.labels(outcome.value).inc()

    def publication_carried_out(self, status: PublicationStatus) -> None:
        """Count a publication that a target was asked about."""
        self._publications.labels(status.value).inc()


def _tokens(result: CallResult) -> dict[str, int]:
    """Return the tokens by kind.

    They add up, since cached ones are left out of ``input``.
    """
    read, written = result.cache_read_tokens or 0, result.cache_write_tokens or 0
    return {
        "input": max((result.input_tokens or 0) - read - written, 0),
        "cache_read": read,
        "cache_write": written,
        "output": result.output_tokens or 0,
    }
