"""What the edge knows of one request, kept beside its ASGI scope."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.types import Scope

if TYPE_CHECKING:
    from services.kernel.http.identity import Principal
    from services.kernel.http.problems import Problem

WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods whose body is read."""

Annotate = Callable[[str, str, bytes], Mapping[str, Any]]
"""(method, path, body as received) -> members to add to a problem document. It must not raise."""

Heed = Callable[["Exchange", "Problem", str, bytes], Awaitable[None]]
"""(exchange, problem, path, body as received): keeps what a service must not lose of a body that is refused."""


@dataclass(slots=True)
class Exchange:
    """One request: its ids, its whole body once that was read (of one beyond the limit its beginning), and who sent it.

    ``refusal`` says why nobody is known (no token, a bad one); a route that needs somebody raises it.
    """

    request_id: str
    correlation_id: str
    annotate: Annotate | None = None
    heed: Heed | None = None
    body: bytes = b""
    principal: "Principal | None" = None
    refusal: "Problem | None" = None


_KEY = "pathway.exchange"


def attach(scope: Scope, exchange: Exchange) -> None:
    """Keep ``exchange`` with the request."""
    scope[_KEY] = exchange


def exchange_of(scope: Scope) -> Exchange:
    """Return the request's exchange. Raises KeyError outside an app made by ``create_api``."""
    found: Exchange = scope[_KEY]
    return found
