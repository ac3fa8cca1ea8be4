"""What a reader asks about, within the bounds of what a database can be asked: else the request is wrong, not we."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime


def in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC. Raises ValueError where it has no zone, or lies in no year that there is in UTC."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment within the years 1 to 9999") from None


KnownMoment = Annotated[AwareDatetime, AfterValidator(in_utc)]


def moment_of(text: str) -> datetime:
    """Read a moment that a cursor brings back. Raises ValueError, and TypeError for what is no text."""
    return in_utc(datetime.fromisoformat(text))


def id_of(text: Any) -> str:
    """Read an id that a cursor brings back. Raises ValueError: none of ours holds what cannot be printed."""
    if not isinstance(text, str) or not text.isascii() or not text.isprintable():
        raise ValueError("an id is printable ASCII")
    return text
