"""What travels beside a request without being an argument: correlation id and trace."""

from contextvars import ContextVar

correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
"""The caller's correlation id, already checked at the edge; None: the command's own id is used."""

traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""The W3C trace context of the request, already checked at the edge."""
