"""Cursors of lists: where a page ended, opaque to whoever carries one. It opens nothing: reach is asked anew."""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, TypeVar

from fastapi import Query, Request, Response

from services.kernel.decision import Reason, Refused
from services.kernel.http.bounds import moment_of

T = TypeVar("T")

MOST: int = 200
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="From the Link header of the page before.")]


def cursor_of(*place: str) -> str:
    """Return the cursor of a place in a list."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def place_of(cursor: str | None, parts: int = 1) -> tuple[str, ...] | None:
    """Return the place that a cursor names. Raises Refused (422) for what is none."""
    if cursor is None:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        found = None
    well_formed = isinstance(found, list) and len(found) == parts and all(isinstance(part, str) for part in found)
    if not well_formed or not all(part.isascii() and part.isprintable() for part in found):
        raise malformed()
    return tuple(found)


def after_day(cursor: str | None) -> tuple[date, str] | None:
    """Return the place in a list by day and id. Raises Refused (422)."""
    return _after(cursor, date.fromisoformat)


def after_moment(cursor: str | None) -> tuple[datetime, str] | None:
    """Return the place in a list by moment and id. Raises Refused (422)."""
    return _after(cursor, moment_of)


def _after(cursor: str | None, read: Callable[[str], T]) -> tuple[T, str] | None:
    place = place_of(cursor, 2)
    try:
        return None if place is None else (read(place[0]), place[1])
    except ValueError:
        raise malformed() from None


def malformed() -> Refused:
    """Return the refusal of a cursor that was not given by the list."""
    return Refused(Reason("cursor_malformed", "a cursor stands in the Link header of an earlier page"), status=422)


def link_next(request: Request, response: Response, cursor: str, *, as_of: date | None = None) -> None:
    """Tell where the next page is (RFC 8288), relative to the address that was asked for.

    ``as_of``: the day that the list is about, so that all its pages are about one, also those that are asked for later.
    """
    day = {} if as_of is None else {"as_of": as_of.isoformat()}
    query = request.url.include_query_params(cursor=cursor, **day).query
    response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
