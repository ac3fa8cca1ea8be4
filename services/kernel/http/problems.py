"""Problem documents (RFC 9457): every refusal and every failure has one form and a stable code."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import sqlalchemy.exc
import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Scope

from services.kernel.decision import Reason, Refused
from services.kernel.http.codes import reasons_of
from services.kernel.http.exchange import Exchange, exchange_of
from services.kernel.raised import raised
from services.kernel.runtime.failures import is_transient
from services.kernel.sealing.content import KeyMissing
from services.kernel.sealing.errors import VaultUnavailable, WrappingKeyWrong

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
RETRY_LATER_SECONDS = 30
"""What ends by a person's act (a restore) takes longer."""
UNPROCESSABLE = 422
SERVICE_UNAVAILABLE = 503

_log = structlog.get_logger()

_FRAMEWORK_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}


class Problem(Exception):
    """An answer that is not a success: HTTP status, stable code, one sentence for a person.

    ``reasons`` are all the things that are wrong (none: the problem is its own only reason), ``headers``
    go with the answer, ``extra`` are further members of the document.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        reasons: Sequence[Reason] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.reasons = tuple(reasons) or (Reason(code, detail),)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def document(self) -> dict[str, Any]:
        """Return the members of the problem document."""
        return {
            "type": f"urn:pathway:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "errors": [{"code": r.code, "pointer": r.pointer, "message": r.message} for r in self.reasons],
            **self.extra,
        }


def unavailable(detail: str = "the database cannot be reached; try again with the same Idempotency-Key") -> Problem:
    """Return the 503 of a part that is down: the caller should repeat the request."""
    return Problem(503, "unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def without_keys(error: VaultUnavailable | KeyMissing | WrappingKeyWrong) -> Problem:
    """Return the 503 of a request that needs a person's key which cannot be had now; nothing was done.

    A vault that does not answer comes back by itself; for the others an operator must do something.
    """
    seconds = RETRY_AFTER_SECONDS if isinstance(error, VaultUnavailable) else RETRY_LATER_SECONDS
    detail = "the person's key cannot be had; nothing was done. Try again later with the same Idempotency-Key"
    return Problem(503, error.code, detail, headers={"Retry-After": str(seconds)})


def is_unreachable(error: BaseException) -> bool:
    """Tell whether ``error`` says that the database is down or busy, through SQLAlchemy too."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return error.connection_invalidated or is_unreachable(error.orig or error.__cause__ or ValueError())
    if isinstance(error, sqlalchemy.exc.TimeoutError) or is_transient(error):
        return True
    return error.__cause__ is not None and is_unreachable(error.__cause__)


def as_problem(error: Exception, exchange: Exchange | None = None) -> Problem:
    """Return the problem that an exception means; what nobody foresaw is a 500 that says nothing of it."""
    match error:
        case Problem():
            return error
        case Refused():
            return _of_refusal(error)
        case RequestValidationError():
            return _of_validation(error)
        case HTTPException():
            code = _FRAMEWORK_CODES.get(error.status_code, "request_refused")
            return Problem(error.status_code, code, str(error.detail), headers=error.headers)
    return _of_failure(error, exchange)


def _of_failure(error: Exception, exchange: Exchange | None) -> Problem:
    if isinstance(error, VaultUnavailable | KeyMissing | WrappingKeyWrong):
        _report(error, exchange, "http_without_keys")
        return without_keys(error)
    if is_unreachable(error):
        _report(error, exchange, "http_unavailable")
        return unavailable()
    _report(error, exchange, "http_bug")
    return Problem(500, "internal_error", "something went wrong here; it has been recorded under the request id")


def _of_refusal(error: Refused) -> Problem:
    first = error.reasons[0]
    if len(error.reasons) > 1 and error.status == UNPROCESSABLE:
        return _invalid(error.reasons)
    later = {"Retry-After": str(RETRY_LATER_SECONDS)} if error.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return Problem(error.status, first.code, first.message, reasons=error.reasons, headers=later)


def _invalid(reasons: Sequence[Reason]) -> Problem:
    return Problem(
        UNPROCESSABLE, "invalid_request", f"{len(reasons)} thing(s) to put right; see errors", reasons=reasons
    )


def _of_validation(error: RequestValidationError) -> Problem:
    errors = error.errors()
    in_body = [e for e in errors if e["loc"] and e["loc"][0] == "body"]
    reasons = reasons_of(in_body, error.body, skip=1)
    for other in errors:
        if other not in in_body:
            where = ".".join(str(part) for part in other["loc"])
            found = reasons_of([{**other, "loc": ()}], None)[0]
            reasons.append(Reason(found.code, f"{where}: {found.message}"))
    return _invalid(reasons)


def _report(error: BaseException, exchange: Exchange | None, event: str) -> None:
    """Log type and place of an error, never its text: a driver's message can hold a row's values."""
    _log.error(
        event,
        error=type(error).__name__,
        detail=raised(error),
        sqlstate=getattr(error, "sqlstate", None),
        request_id=exchange.request_id if exchange else None,
    )


async def heeded_response(scope: Scope, error: Exception) -> JSONResponse:
    """Return the answer for ``error``, with what the service adds to every problem of such a request."""
    exchange = exchange_of(scope)
    problem = await heeded(as_problem(error, exchange), scope, exchange.body)
    document = problem_document(problem, scope, exchange.body)
    return JSONResponse(document, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


async def heeded(problem: Problem, scope: Scope, body: bytes) -> Problem:
    """Let the service keep what it must not lose of a body that is refused, before its sender is told.

    Returns the problem; where nothing could be kept a 503, so that the sender comes again: nothing was refused then.
    """
    exchange = exchange_of(scope)
    if exchange.heed is None or exchange.principal is None or not body or problem.status == SERVICE_UNAVAILABLE:
        return problem
    try:
        await exchange.heed(exchange, problem, scope["path"], body)
    except Exception as error:  # whatever keeps it from being kept
        _report(error, exchange, "http_not_heeded")
        return unavailable()
    return problem


def problem_document(problem: Problem, scope: Scope, body: bytes) -> dict[str, Any]:
    """Return a problem as it is told to whoever sent ``body``: a request's, or one line's of many."""
    exchange = exchange_of(scope)
    return {**problem.document(), **_annotations(scope, exchange, body), "request_id": exchange.request_id}


def _annotations(scope: Scope, exchange: Exchange, body: bytes) -> Mapping[str, Any]:
    if exchange.annotate is None or not body:
        return {}
    try:
        return exchange.annotate(scope["method"], scope["path"], body)
    except Exception as error:
        _report(error, exchange, "http_bug")
        return {}
