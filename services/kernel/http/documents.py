"""The OpenAPI document: problem documents, the token and the Idempotency-Key of every route."""

from typing import Any

from fastapi import FastAPI

from services.kernel.http.problems import MEDIA_TYPE

_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "A problem document (RFC 9457). `errors` holds everything that is wrong, at once.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "errors", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; safe to branch on."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "pointer", "message"],
                "properties": {
                    "code": {"type": "string"},
                    "pointer": {"type": "string", "description": "JSON pointer into the body (RFC 6901)."},
                    "message": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
    },
}
_IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "One key for one act; a repeated request with it gets the first answer again for 7 days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_ALWAYS = {"401": "No token, or one that does not hold", "403": "Another role is needed", "503": "A part is down"}
_WITH_BODY = {
    "400": "No Idempotency-Key, or a malformed one",
    "413": "More than 64 KiB",
    "415": "Not application/json",
    "422": "Something in the request is wrong; all of it is listed",
}


def describe(app: FastAPI, open_paths: frozenset[str]) -> None:
    """Make ``app.openapi()`` say how every route of this API answers."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "Problem" in schemas:
            return document
        schemas["Problem"] = _PROBLEM
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if path not in open_paths:
                    _describe(operation, posts=method == "post")
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _describe(operation: dict[str, Any], *, posts: bool) -> None:
    responses = operation["responses"]
    told = {**_ALWAYS, **(_WITH_BODY if posts else {"422": "A parameter is wrong"})}
    for status, text in told.items():
        given = responses.get(status, {})
        described = given.get("description", text)
        if described == "Validation Error":
            described = text
        content = {k: v for k, v in given.get("content", {}).items() if k == MEDIA_TYPE} or {
            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}
        }
        responses[status] = {"description": described, "content": content}
    if posts:
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
