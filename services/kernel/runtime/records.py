"""From a Kafka record to an input or to poison."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from services.kernel.decision import Received
from services.kernel.envelope import Envelope, EnvelopeError, Headers, from_headers, is_key, readable_attributes
from services.kernel.ids import is_uuid
from services.kernel.limits import MAX_INTEGER, LimitError, check_json, check_record
from services.kernel.registry import Contract
from services.kernel.sealing.content import Sealed
from services.kernel.service import Service

DIGITS = len(str(MAX_INTEGER))
_TYPE = re.compile(r"[a-z]+(?:\.[a-z_]+)+\.v[0-9]{1,3}")
"""How types are named: nothing else is repeated where everybody reads it."""
MALFORMED_BATCH = "pathway-malformed-batch"
"""The header of what stands for the records of a batch that cannot be read; it says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the broker gave it. ``topic`` is the logical name, without a prefix."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that cannot become an input. What could be read of key and sequence is kept."""

    record: Record
    code: str
    detail: str
    key: str | None = None
    sequence: int | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """A record that is an event. ``cause`` is None where the service does not handle its type.

    ``fault`` is what reading its data raised by a bug of ours: neither the record's fault nor known to be. ``sealed``
    is the sealed content among its data.
    """

    record: Record
    envelope: Envelope
    cause: Received | None
    fault: Exception | None = None
    sealed: Sequence[Sealed[Any]] = ()


class UnknownVersion(Exception):
    """Our own producer sent a type or major that this consumer does not know: it is too old to go on."""


def decode(service: Service, record: Record) -> Decoded | Poison:
    """Read a record. Raises :class:`UnknownVersion` for a type that is not known here from the topic's producer.

    Of anybody else it is poison, a known type as well: one producer counts a topic's sequences.
    """
    try:
        check_record(record.key, record.value, record.headers)
        envelope = from_headers(record.headers, record.key)
    except (LimitError, EnvelopeError) as error:
        if record.headers and record.headers[0][0] == MALFORMED_BATCH:
            return Poison(record, "batch_malformed", "of a batch that cannot be read: its headers say why")
        return poison(record, error.code, str(error))
    contract = service.registry.find(envelope.type)
    if contract is None or contract.topic != record.topic:
        if service.registry.produces(envelope.source, record.topic):
            named = envelope.type if _TYPE.fullmatch(envelope.type) else "a type that is no name of one"
            raise UnknownVersion(f"{named} from {envelope.source} in {record.topic}")
        return poison(record, "type_unknown", "not an event type of this topic", envelope)
    if envelope.source != contract.source:
        # the number that it claims is not one of the producer's: no letter may give that up
        detail = f"only {contract.source} produces {contract.type}"
        return Poison(record, "source_not_producer", detail, envelope.subject, None, envelope.id)
    return _decode_data(service, contract, record, envelope)


def _decode_data(service: Service, contract: Contract, record: Record, envelope: Envelope) -> Decoded | Poison:
    assert record.value is not None  # noqa: S101  check_record refuses a record without value
    try:
        check_json(record.value)
        if envelope.type not in service.handles:
            return Decoded(record, envelope, None)
        sealed: list[Sealed[Any]] = []
        data = contract.model.model_validate_json(record.value, context=sealed)
    except LimitError as error:
        return poison(record, error.code, str(error), envelope)
    except ValidationError as error:
        return poison(record, "data_invalid", _places(error), envelope)
    except Exception as error:
        return Decoded(record, envelope, None, error)
    cause = Received(envelope.id, envelope.type, envelope.subject, data, envelope.time, envelope.sequence)
    return Decoded(record, envelope, cause, sealed=sealed)


def _places(error: ValidationError) -> str:
    """Name what is wrong and where, never the value: it may be a person's."""
    found = [f"{'/'.join(str(p) for p in e['loc'])}: {e['type']}" for e in error.errors(include_input=False)]
    return "; ".join(found[:20])


def poison(record: Record, code: str, detail: str, envelope: Envelope | None = None) -> Poison:
    """Make poison of a record, keeping key, sequence and id where they can be read."""
    if envelope is not None:
        return Poison(record, code, detail, envelope.subject, envelope.sequence, envelope.id)
    try:
        found = readable_attributes(record.headers)
        key = record.key.decode() if record.key else None
    except (EnvelopeError, UnicodeDecodeError):
        return Poison(record, code, detail)
    if key is not None and not is_key(key):
        key = None
    sequence = found.get("sequence", "")
    number = int(sequence) if sequence.isascii() and sequence.isdigit() and len(sequence) <= DIGITS else None
    event_id = found.get("id", "")
    return Poison(record, code, detail, key, number, event_id if is_uuid(event_id) else None)


def headers_to_json(headers: Headers) -> str:
    """Return headers as JSON text for a table. Bytes that are not UTF-8 become ``{"hex": ...}``."""
    pairs: list[list[Any]] = []
    for name, content in headers:
        try:
            text: Any = content.decode() if content is not None else None
            if text is not None and "\x00" in text:
                text = {"hex": content.hex()}
        except UnicodeDecodeError:
            text = {"hex": content.hex()}
        pairs.append([name.replace("\x00", "�"), text])
    return json.dumps(pairs)


def headers_from_json(text: str | None) -> Headers:
    """Read back what :func:`headers_to_json` wrote."""
    pairs = json.loads(text) if text else []
    return tuple((name, _content(found)) for name, found in pairs)


def _content(found: Any) -> Any:
    """Return a header's bytes; None where it had none, which the wire allows."""
    if isinstance(found, dict):
        return bytes.fromhex(found["hex"])
    return None if found is None else found.encode()
