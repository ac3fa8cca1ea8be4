"""Structured logs that can only say what is on a list.

A key that is not allowed is left out and counted in ``dropped``: a value of a person can reach a log
only by somebody adding its key here. Errors, warnings and libraries are heard too, without their words: what they quote
nobody can know.
"""

import inspect
import logging
import sys
import threading
import warnings
from collections.abc import MutableMapping
from pathlib import PurePath
from types import TracebackType
from typing import Any, TextIO

import structlog

from services.kernel.raised import raised

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "logger", "service", "role", "topic", "partition", "offset", "cause", "code",
        "count", "seconds", "attempt", "reason", "detail", "error", "sqlstate", "method", "route", "status",
        "request_id", "correlation_id", "runner", "dropped",
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


def said(record: logging.LogRecord) -> str:
    """Return what a library says, as it stands in its code, gaps and all; of a text that it made up, the place."""
    frame = inspect.currentframe()
    while frame is not None:
        code, frame = frame.f_code, frame.f_back
        if (code.co_filename, code.co_name) == (record.pathname, record.funcName) and record.msg in code.co_consts:
            return str(record.msg)
    return f"{record.filename}:{record.lineno} {record.funcName}"


def of_library(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Tell which library speaks, what of its message may be told, and where what it reports was raised."""
    record: logging.LogRecord = entry["_record"]
    entry["event"] = said(record)
    entry["logger"] = record.name
    error = (entry.get("exc_info") or (None, None, None))[1]
    if error is not None:
        entry["error"] = raised(error)
    return entry


def log_crash(error: BaseException | None) -> None:
    """Say that a process or a thread ends by an error that nobody foresaw."""
    structlog.get_logger().critical("crashed", error="unknown" if error is None else raised(error))


def configure_logs(level: str = "INFO", *, service: str = "", role: str = "") -> None:
    """Send structlog, the standard library's loggers, warnings and crashes to stderr as JSON lines."""
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
        of_library,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        only_allowed,
        structlog.processors.JSONRenderer(),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=foreign, use_get_message=False)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiokafka", "faust", "mode", "httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    warnings.showwarning = _warned
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: log_crash(args.exc_value)
    sys.unraisablehook = lambda args: log_crash(args.exc_value)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Stand in for the interpreter's own way to show a warning, which prints its message."""
    place = f"{PurePath(filename).name}:{lineno}"
    structlog.get_logger().warning("warned", error=category.__name__, detail=place)


def _uncaught(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    """Stand in for the interpreter's own hook, which prints an error's message."""
    log_crash(error)
