"""Identifiers: UUIDv7 for what the edge mints, UUIDv5 for what follows from it."""

import hashlib
import os
from datetime import datetime
from uuid import UUID

from services.kernel.clock import from_unix_ms, unix_ms

_HEX = frozenset("0123456789abcdefABCDEF")
_DIGITS = 32


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID, with hyphens or without: an identifier that says nothing of anybody."""
    digits = text.replace("-", "")
    return len(digits) == _DIGITS and len(text) <= _DIGITS + 4 and _HEX.issuperset(digits)


def uuid7(now: datetime, random: bytes | None = None) -> str:
    """Return a UUIDv7 (RFC 9562) whose first 48 bits are ``now`` in milliseconds.

    ``random`` (10 bytes) is for tests; by default it comes from the operating system.
    """
    tail = int.from_bytes(os.urandom(10) if random is None else random, "big")
    value = (unix_ms(now) & (2**48 - 1)) << 80 | tail
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=value))


def event_id(cause_id: str, event_type: str, ordinal: int) -> str:
    """Return UUIDv5(cause id, "type/ordinal"): the same cause always mints the same event ids.

    Written out by hand because :func:`uuid.uuid5` builds three objects and costs four times as
    much on the hot path; a test holds the two equal.
    """
    digest = hashlib.sha1(  # noqa: S324  UUIDv5 is defined on SHA-1 (RFC 9562); it guards no secret
        bytes.fromhex(cause_id.replace("-", "")) + f"{event_type}/{ordinal}".encode()
    ).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def is_minted_from_event(cause_id: str) -> bool:
    """Tell whether ``cause_id`` names an event (UUIDv5) rather than a command (UUIDv7)."""
    return cause_id[14:15] == "5"


def time_of_uuid7(identifier: str) -> datetime:
    """Return the moment (UTC, milliseconds) that a UUIDv7 was minted at."""
    return from_unix_ms(int(identifier.replace("-", "")[:12], 16))
