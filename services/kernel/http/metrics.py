"""Request metrics by route template; a path's own values never become a label."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import Scope

UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Meter:
    """Counts and times the requests of one API. ``templates`` (endpoint -> template) is filled by the app."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self.templates: Mapping[object, str] = {}
        self._service = service
        labels = ("service", "method", "route")
        self._requests = Counter("http_requests", "Requests answered", (*labels, "status"), registry=self.registry)
        self._seconds = Histogram(
            "http_request_seconds", "Seconds from request to answer", labels, registry=self.registry, buckets=_BUCKETS
        )

    def observe(self, scope: Scope, status: int, seconds: float) -> tuple[str, str]:
        """Count one request; return its method, if it is one of HTTP's, and its route template."""
        route = self.templates.get(scope.get("endpoint"), UNMATCHED)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._requests.labels(self._service, method, route, str(status)).inc()
        self._seconds.labels(self._service, method, route).observe(seconds)
        return method, route
