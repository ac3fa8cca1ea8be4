"""The loop over a pure function: decide, mint, evolve, project, encode.

Shared by the batch transaction, by commands and by replay, so that the three cannot differ.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic_core import PydanticSerializationError

from services.kernel.clock import rfc3339, unix_ms
from services.kernel.decision import Cause, Command, Draft, Event, Reason, Refused
from services.kernel.field_classes import MustNotLeave, let_out
from services.kernel.ids import event_id
from services.kernel.limits import MAX_VALUE_BYTES
from services.kernel.sealing.content import ContentErased, Sealed, Sealer, is_restricted, unlock
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.service import Change, Row, Service, Table

OutboxRow = tuple[str, str, int, str, int, str, bytes]
"""(topic, key, sequence, event id, recorded ms, attributes as JSON, value)"""


class OutputTooLarge(ValueError):
    """An event above 64 KiB: the domain let a state or a list grow without bound."""


@dataclass(slots=True)
class Aggregate:
    """One aggregate while a batch works on it. ``sequence`` is the last one given to an output.

    ``unreadable`` says why the stored state is none that this release can read: one such aggregate must
    not hold up the others of a batch. ``sealed`` is the sealed content of the state as it was read.
    """

    key: str
    sequence: int = 0
    state: Any = None
    changed: bool = False
    unreadable: Exception | None = None
    sealed: list[Sealed[Any]] = field(default_factory=list)


@dataclass(slots=True)
class Output:
    """What a transaction will write besides positions."""

    outbox: list[OutboxRow] = field(default_factory=list)
    rows: dict[Table, list[tuple[Any, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lineage:
    """What ties an event to what led to it: correlation id, trace, and when it is written down."""

    recorded: datetime
    correlation_id: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Sealing:
    """Subjects' keys, and the sealed content that came with a cause."""

    keys: Mapping[str, KeyFound] = field(default_factory=dict)
    came: Sequence[Sealed[Any]] = ()


OPEN = Sealing()
"""Of a cause that brings nothing sealed, in a service that seals nothing."""
ERASED = Reason(
    "person_erased",
    "what was held of this person has been erased, and nothing more can be recorded under this id; begin anew",
)

RESTRICTED = Reason(
    "person_restricted",
    "what is held of this person is kept and may not be used at present; ask who is responsible for data protection",
)


@contextmanager
def together(output: Output, aggregates: Sequence[Aggregate]) -> Iterator[None]:
    """Let aggregates take one cause, all or none: whatever is raised leaves them and ``output`` as they were."""
    before = [(aggregate, aggregate.state, aggregate.sequence, aggregate.changed) for aggregate in aggregates]
    sent, rows = len(output.outbox), {table: len(found) for table, found in output.rows.items()}
    try:
        yield
    except Exception:
        for aggregate, state, sequence, changed in before:
            aggregate.state, aggregate.sequence, aggregate.changed = state, sequence, changed
        del output.outbox[sent:]
        output.rows = {table: output.rows[table][:count] for table, count in rows.items()}
        raise


def mint(service: Service, drafts: Sequence[Draft], key: str, sequence: int, cause: str, now: datetime) -> list[Event]:
    """Give drafts their ids and sequences. The same cause gives the same ids, always."""
    return [
        Event(
            event_id(cause, draft.type, ordinal),
            draft.type,
            key,
            sequence + ordinal + 1,
            draft.data,
            draft.occurred_at or now,
            draft.policy,
        )
        for ordinal, draft in enumerate(drafts)
    ]


def encode(event: Event, key: KeyFound | None = None, subject: str | None = None) -> bytes:
    """Return an event's data as its bytes on the wire; what it holds in plain and must not is sealed under ``key``.

    Raises ContentErased or KeyMissing where that cannot be, SealInvalid for a token that is passed on and is not
    ``subject``'s or stands in another field's place, OutputTooLarge, and MustNotLeave for a value that its model
    would not have accepted: a model can be made without validation, and pydantic would write what it finds, with a
    warning that quotes it.
    """
    sealer = Sealer(key, event.id, subject)
    try:
        value: bytes = event.data.__pydantic_serializer__.to_json(event.data, context=sealer, warnings="error")
    except PydanticSerializationError:  # its message quotes the value
        if sealer.refusal is not None:
            raise sealer.refusal from None
        raise MustNotLeave(f"{event.type} holds a value that its model does not allow") from None
    if len(value) > MAX_VALUE_BYTES:
        raise OutputTooLarge(f"{event.type} has {len(value)} bytes; at most {MAX_VALUE_BYTES}")
    return value


def attributes(service: Service, event: Event, cause: str, lineage: Lineage) -> dict[str, str]:
    """Return an event's CloudEvents attributes, in a fixed order, without absent ones."""
    found = {
        "id": event.id,
        "source": service.source,
        "type": event.type,
        "subject": event.key,
        "time": rfc3339(event.occurred_at),
        "dataschema": service.registry[event.type].dataschema,
        "recordedtime": rfc3339(lineage.recorded),
        "sequence": str(event.sequence),
        "correlationid": lineage.correlation_id,
        "causationid": cause,
    }
    if lineage.traceparent is not None:
        found["traceparent"] = lineage.traceparent
    if event.policy is not None:
        found["policy"] = event.policy.header()
    return found


def apply(
    service: Service,
    policy: Any,
    aggregate: Aggregate,
    cause: Cause,
    now: datetime,
    lineage: Lineage,
    output: Output,
    sealing: Sealing = OPEN,
) -> list[Event]:
    """Apply one cause to one aggregate and collect what must be written.

    A decision that needs content under a destroyed key is not made: nothing follows from an event, a command is
    refused; so is a command about a restricted subject. Whatever ``decide``, ``evolve``, ``project`` or encoding
    raise leaves aggregate and output as they were, so the caller can go on with the next cause.
    """
    if aggregate.unreadable is not None:
        raise aggregate.unreadable
    subject = service.subject_of(aggregate.state, cause.data)
    key = None if subject is None else sealing.keys.get(subject)
    if isinstance(cause, Command) and is_restricted(key) and cause.type not in service.despite_restriction:
        raise Refused(RESTRICTED, status=423)
    unlock(aggregate.sealed, key)
    unlock(sealing.came, key)
    try:
        drafts = service.decide(aggregate.state, cause, policy=policy, now=now)
        events = mint(service, drafts, aggregate.key, aggregate.sequence, cause.id, now)
        outbox = [_outbox_row(service, event, cause, lineage, key, subject) for event in events]
    except ContentErased:
        if isinstance(cause, Command):
            raise Refused(ERASED, status=410) from None
        events, outbox = [], []
    state = aggregate.state
    for event in events:
        state = service.evolve(state, event)
    rows = _rows(service, Change(aggregate.key, cause, events, state, Sealer(key, cause.id).text))
    if events:
        aggregate.state = state
        aggregate.sequence += len(events)
        aggregate.changed = True
        output.outbox += outbox
    for table, row in rows:
        output.rows.setdefault(table, []).append(row)
    return events


def _rows(service: Service, change: Change) -> list[Row]:
    """Project. Words that came with a command may be all that it seals: then it shows here that the key is gone."""
    try:
        return list(service.project(change))
    except ContentErased:
        if isinstance(change.cause, Command):
            raise Refused(ERASED, status=410) from None
        raise


def _outbox_row(
    service: Service, event: Event, cause: Cause, lineage: Lineage, key: KeyFound | None, subject: str | None
) -> OutboxRow:
    let_out(service.registry, event.type, event.data)
    return (
        service.registry[event.type].topic,
        event.key,
        event.sequence,
        event.id,
        unix_ms(lineage.recorded),
        json.dumps(attributes(service, event, cause.id, lineage)),
        encode(event, key, subject),
    )
