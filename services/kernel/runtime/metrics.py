"""What the runtime counts, for Prometheus."""

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from services.kernel.runtime.turn import Counts

records = Counter("pathway_records_total", "Records by what became of them", ["service", "outcome"])
events = Counter("pathway_events_total", "Events decided", ["service"])
retries = Counter("pathway_retries_total", "Transactions tried again, by cause", ["service", "cause"])
batch_records = Histogram(
    "pathway_batch_records", "Records in a batch", ["service"], buckets=(1, 2, 5, 10, 50, 100, 250, 500)
)
batch_seconds = Histogram("pathway_batch_seconds", "Seconds of a batch's transaction", ["service"])
position = Gauge("pathway_position", "Next offset of a partition", ["service", "topic", "partition"])
lag = Gauge("pathway_position_lag", "Records of a partition beyond our position", ["service", "topic", "partition"])
decision_seconds = Histogram(
    "pathway_decision_seconds",
    "Seconds from a batch's oldest cause was recorded to the commit of what was decided",
    ["service"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3600),
)
stops = Counter("pathway_stops_total", "Latched stops by reason", ["service", "reason"])
relayed = Counter("pathway_relayed_total", "Outbox rows sent and marked", ["service"])
relay_failures = Counter("pathway_relay_failures_total", "Sends that failed, by cause", ["service", "cause"])

unsent = Gauge("pathway_outbox_unsent", "Outbox rows that are not sent yet", ["service"])
oldest_unsent = Gauge("pathway_outbox_oldest_seconds", "Age of the oldest outbox row that is not sent", ["service"])

waiting_keys = Gauge("pathway_waiting_keys", "Keys whose later events wait for a missing one", ["service"])
stopped_keys = Gauge("pathway_stopped_keys", "Keys that two histories claim, until one is discarded", ["service"])
oldest_wait = Gauge("pathway_oldest_wait_seconds", "Age of the event that waits longest", ["service"])
dead_letters = Gauge("pathway_dead_letters_open", "Dead letters that nobody has resolved", ["service"])
latched = Gauge("pathway_latched_stops", "Stops that are latched, one for each reason", ["service"])


def batch(service: str, counts: "Counts", size: int, seconds: float) -> None:
    """Note a committed batch."""
    for outcome in ("applied", "duplicates", "waiting", "dead"):
        number = getattr(counts, outcome)
        if number:
            records.labels(service, outcome).inc(number)
    if counts.events:
        events.labels(service).inc(counts.events)
    batch_records.labels(service).observe(size)
    batch_seconds.labels(service).observe(seconds)
