"""The CloudEvents 1.0 envelope in Kafka binary mode: attributes in ``ce_*`` headers, data as value."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.kernel.clock import parse_rfc3339, rfc3339
from services.kernel.ids import is_uuid
from services.kernel.limits import MAX_INTEGER

Headers = tuple[tuple[str, bytes], ...]

CONTENT_TYPE = "application/json"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_KEY = re.compile(r"(?=[^a-z]*[a-z])[a-z0-9._:-]{1,64}\Z")
_SEQUENCE = re.compile(r"[1-9][0-9]{0,15}\Z")
_REQUIRED = ("id", "source", "type", "subject", "time", "recordedtime", "sequence", "correlationid", "causationid")


def is_key(text: str) -> bool:
    """Tell whether a text is such a key as services make: a UUID or a name in lower case, no number and no words.

    Keys stand in clear in every table, list and log line, so nothing else is taken for one.
    """
    return _KEY.match(text) is not None or is_uuid(text)


class EnvelopeError(ValueError):
    """A record whose headers are not an envelope of ours. ``code`` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event's attributes. ``time`` is when it happened, ``recordedtime`` when it was written down.

    ``sequence`` counts per key and topic from 1 without gaps. ``policy`` is ``id;version;hash`` of the
    policy file the decision followed.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    recordedtime: datetime
    sequence: int
    correlationid: str
    causationid: str
    dataschema: str | None = None
    traceparent: str | None = None
    policy: str | None = None

    def attributes(self) -> dict[str, str]:
        """Return the attributes as text, in a fixed order, without those that are absent."""
        pairs = {
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": rfc3339(self.time),
            "dataschema": self.dataschema,
            "recordedtime": rfc3339(self.recordedtime),
            "sequence": str(self.sequence),
            "correlationid": self.correlationid,
            "causationid": self.causationid,
            "traceparent": self.traceparent,
            "policy": self.policy,
        }
        return {name: value for name, value in pairs.items() if value is not None}

    def attributes_json(self) -> str:
        """Return :meth:`attributes` as JSON text."""
        return json.dumps(self.attributes())


def to_headers(attributes: dict[str, str]) -> Headers:
    """Return Kafka headers for the attributes, with ``specversion`` and the content type."""
    return (
        ("ce_specversion", b"1.0"),
        *((f"ce_{name}", value.encode()) for name, value in attributes.items()),
        ("content-type", CONTENT_TYPE.encode()),
    )


def from_headers(headers: Iterable[tuple[str, bytes]], key: bytes | None) -> Envelope:
    """Read an envelope. Raises :class:`EnvelopeError` when something is missing or impossible.

    The subject must be the record's key: routing and ordering would otherwise follow another thing
    than the one the event is about.
    """
    found = readable_attributes(headers)
    missing = [name for name in _REQUIRED if not found.get(name)]
    if missing or found.get("specversion") != "1.0":
        raise EnvelopeError("envelope_incomplete", f"missing or wrong: {', '.join(missing or ['specversion'])}")
    if found["content-type"].split(";")[0].strip() != CONTENT_TYPE:
        raise EnvelopeError("content_type_unknown", f"content type is not {CONTENT_TYPE}")
    if not _UUID.match(found["id"]) or not _UUID.match(found["causationid"]):
        raise EnvelopeError("id_malformed", "id and causationid are lower-case UUIDs")
    if not _SEQUENCE.match(found["sequence"]) or int(found["sequence"]) > MAX_INTEGER:
        raise EnvelopeError("sequence_malformed", "sequence is an integer from 1")
    if key is None or found["subject"].encode() != key:
        raise EnvelopeError("subject_is_not_key", "the subject and the record's key differ")
    if not is_key(found["subject"]):
        raise EnvelopeError("key_malformed", "a key is a UUID or a name in lower case")
    try:
        time, recorded = parse_rfc3339(found["time"]), parse_rfc3339(found["recordedtime"])
    except (ValueError, OverflowError) as error:
        raise EnvelopeError("time_malformed", "time and recordedtime are RFC 3339") from error
    return Envelope(
        id=found["id"],
        source=found["source"],
        type=found["type"],
        subject=found["subject"],
        time=time,
        recordedtime=recorded,
        sequence=int(found["sequence"]),
        correlationid=found["correlationid"],
        causationid=found["causationid"],
        dataschema=found.get("dataschema"),
        traceparent=found.get("traceparent"),
        policy=found.get("policy"),
    )


def readable_attributes(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Return the attributes by name without ``ce_``; raises :class:`EnvelopeError` on a repeated or bad one."""
    found: dict[str, str] = {"content-type": ""}
    seen = set()
    for name, content in headers:
        if name in seen:
            raise EnvelopeError("header_repeated", "a header occurs twice")
        seen.add(name)
        if not name.startswith("ce_") and name != "content-type":
            continue
        try:
            text = content.decode()
        except (UnicodeDecodeError, AttributeError) as error:
            raise EnvelopeError("header_undecodable", "a header is not UTF-8") from error
        if "\x00" in text:
            raise EnvelopeError("header_undecodable", "a header holds a NUL character")
        found[name.removeprefix("ce_")] = text
    return found
