"""Structured logs that can only say what is on a list.

A key that is not allowed is left out and counted in ``dropped``: a value of a person can reach a log
only by somebody adding its key here.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "logger", "service", "role", "topic", "partition", "offset", "position",
        "earliest", "end", "key_hash", "sequence", "event_id", "type", "cause", "code", "count", "records",
        "applied", "duplicates", "waiting", "dead", "events", "seconds", "attempt", "reason", "detail", "error",
        "sqlstate", "method", "route", "status", "request_id", "correlation_id", "address", "version",
        "partitions", "runner", "instance", "signal", "exception", "stack", "dropped", "command", "bytes",
    }
)  # fmt: skip


def only_allowed(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every key that is not in :data:`ALLOWED` and say how many were dropped."""
    dropped = [name for name in entry if name not in ALLOWED]
    for name in dropped:
        del entry[name]
    if dropped:
        entry["dropped"] = len(dropped)
    return entry


def configure_logs(level: str = "INFO", *, service: str = "", role: str = "") -> None:
    """Send structlog and the standard library's loggers to stderr as JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, only_allowed, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    if service or role:
        structlog.contextvars.bind_contextvars(service=service, role=role)
    foreign: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        only_allowed,
        structlog.processors.JSONRenderer(),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=foreign))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiokafka", "faust", "mode", "httpx", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
