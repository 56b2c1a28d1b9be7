"""What does the operator's monitoring see? Counters and durations, in Prometheus' words; no name, prompt or key is a label."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bot.model import OPEN, Job, JobState

_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
_LATENESS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)
_LOOP_LAG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """One registry per process, made by the composition root; nothing global."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._accepted = Counter("darkroom_jobs_accepted", "Jobs accepted", ["platform"], registry=self._registry)
        self._refused = Counter(
            "darkroom_requests_refused", "Requests refused at once", ["platform"], registry=self._registry
        )
        self._finished = Counter(
            "darkroom_jobs_finished", "Jobs ended, by how", ["platform", "state", "failure"], registry=self._registry
        )
        self._open = Gauge("darkroom_jobs_open", "Jobs that are open, by state", ["state"], registry=self._registry)
        self._duration = Histogram(
            "darkroom_job_seconds", "From acceptance to the answer", buckets=_SECONDS, registry=self._registry
        )
        self._lateness = Histogram(
            "darkroom_lateness_seconds",
            "From the picture being ready at the queue (whole seconds of its clock) to its answer",
            buckets=_LATENESS,
            registry=self._registry,
        )
        self._queue = Histogram(
            "darkroom_queue_request_seconds",
            "Requests to the queue",
            ["route", "result"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._loop_lag = Histogram(
            "darkroom_loop_lag_seconds",
            "How late the event loop does what is due, four times a second",
            buckets=_LOOP_LAG,
            registry=self._registry,
        )

    def accepted(self, job: Job) -> None:
        self._accepted.labels(job.platform).inc()

    def refused(self, platform: str) -> None:
        self._refused.labels(platform).inc()

    def finished(self, job: Job, *, lateness: float | None = None) -> None:
        """lateness: seconds, where it is known."""
        self._finished.labels(job.platform, job.state.value, job.failure.kind.value if job.failure else "").inc()
        if job.finished_at is not None:
            self._duration.observe(job.finished_at - job.accepted_at)
        if lateness is not None:
            self._lateness.observe(max(0.0, lateness))

    def queue_request(self, route: str, result: str, seconds: float) -> None:
        """`image_queue` reports each request here."""
        self._queue.labels(route, result).observe(seconds)

    def loop_lag(self, seconds: float) -> None:
        """One sample."""
        self._loop_lag.observe(seconds)

    def render(self, open_jobs: Mapping[JobState, int]) -> bytes:
        """The exposition text; `open_jobs` as the store counts them at this moment."""
        for state in sorted(OPEN):
            self._open.labels(state.value).set(open_jobs.get(state, 0))
        return generate_latest(self._registry)
