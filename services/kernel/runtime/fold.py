"""The loop over a pure function: decide, mint, evolve, project, encode.

Shared by the batch transaction, by commands and by replay, so that the three cannot differ.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.kernel.clock import rfc3339, unix_ms
from services.kernel.decision import Cause, Draft, Event
from services.kernel.ids import event_id
from services.kernel.limits import MAX_VALUE_BYTES
from services.kernel.service import Change, Service, Table

OutboxRow = tuple[str, str, int, str, int, str, bytes]
"""(topic, key, sequence, event id, recorded ms, attributes as JSON, value)"""


class OutputTooLarge(ValueError):
    """An event above 64 KiB: the domain let a state or a list grow without bound."""


@dataclass(slots=True)
class Aggregate:
    """One aggregate while a batch works on it. ``sequence`` is the last one given to an output.

    ``unreadable`` says why the stored state is none that this release can read: one such aggregate must
    not hold up the others of a batch.
    """

    key: str
    sequence: int = 0
    state: Any = None
    changed: bool = False
    unreadable: Exception | None = None


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


def encode(event: Event) -> bytes:
    """Return an event's data as its bytes on the wire."""
    value: bytes = event.data.__pydantic_serializer__.to_json(event.data)
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
) -> list[Event]:
    """Apply one cause to one aggregate and collect what must be written.

    Whatever ``decide``, ``evolve``, ``project`` or encoding raise leaves aggregate and output as they
    were, so the caller can go on with the next cause.
    """
    if aggregate.unreadable is not None:
        raise aggregate.unreadable
    drafts = service.decide(aggregate.state, cause, policy=policy, now=now)
    events = mint(service, drafts, aggregate.key, aggregate.sequence, cause.id, now)
    state = aggregate.state
    for event in events:
        state = service.evolve(state, event)
    recorded_ms = unix_ms(lineage.recorded)
    outbox = [
        (
            service.registry[event.type].topic,
            event.key,
            event.sequence,
            event.id,
            recorded_ms,
            json.dumps(attributes(service, event, cause.id, lineage)),
            encode(event),
        )
        for event in events
    ]
    rows = list(service.project(Change(aggregate.key, cause, events, state)))
    if events:
        aggregate.state = state
        aggregate.sequence += len(events)
        aggregate.changed = True
        output.outbox += outbox
    for table, row in rows:
        output.rows.setdefault(table, []).append(row)
    return events
