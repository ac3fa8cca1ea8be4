"""Deciding again: every event must be what ``decide`` says of its cause, byte for byte."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from services.kernel.decision import Cause, Refused
from services.kernel.ids import is_minted_from_event, time_of_uuid7
from services.kernel.replay.history import Difference, History, Own
from services.kernel.runtime.fold import Aggregate, Lineage, attributes, encode, mint
from services.kernel.runtime.records import Decoded
from services.kernel.sealing.content import ContentErased, unlock
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.service import Change, Row, Service

Place = tuple[str, str, int]
"""(topic, key, sequence): one input."""


def place_of(item: Decoded) -> Place:
    """Return where an input stands."""
    return (item.record.topic, item.envelope.subject, item.envelope.sequence)


@dataclass
class Replayed:
    """What a replay of one service gave: states, rows of derived tables, counts and differences.

    ``set_aside`` counts the inputs that the service has as dead letters, or waiting; ``on_digest`` the events of which
    what decided them is erased: they are accepted as the log holds them.
    """

    service: Service
    aggregates: dict[str, Aggregate] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    decided_again: int = 0
    folded_only: int = 0
    set_aside: int = 0
    on_digest: int = 0
    differences: list[Difference] = field(default_factory=list)


NOTHING_ASIDE: frozenset[Place] = frozenset()
NO_KEYS: Mapping[str, KeyFound] = {}


def replay(
    history: History, policy: Any, aside: Set[Place] = NOTHING_ASIDE, keys: Mapping[str, KeyFound] = NO_KEYS
) -> Replayed:
    """Fold one service's history from nothing. ``keys``: those of the subjects that the history names.

    ``aside`` are inputs that the service did not apply and says so: dead letters, and what waits. They need not
    have said anything. A key whose events cannot be folded is a difference; the others go on.
    """
    result = Replayed(history.service)
    subjects = history.subjects()
    for key in history.all_keys():
        _unlock(history, key, keys.get(subjects.get(key, "")))
        try:
            _replay_key(history, policy, key, result, aside, keys.get(subjects.get(key, "")))
        except Exception as error:
            result.differences.append(Difference(history.service.name, key, 0, "replay_failed", type(error).__name__))
    result.differences += history.differences
    return result


def _unlock(history: History, key: str, found: KeyFound | None) -> None:
    for item in history.causes(key):
        unlock(item.sealed, found)
    for own in history.own.get(key, {}).values():
        unlock(own.sealed, found)


def _replay_key(
    history: History, policy: Any, key: str, result: Replayed, aside: Set[Place], seals: KeyFound | None
) -> None:
    service = history.service
    aggregate = result.aggregates[key] = Aggregate(key)
    inputs = history.causes(key)
    by_id = {item.envelope.id: item for item in inputs}
    silent = _Silent(service, policy, [i for i in inputs if place_of(i) not in aside], seals)
    for cause_id, group in groupby(history.events(key), key=lambda own: own.envelope.causationid):
        events = list(group)
        item = by_id.get(cause_id)
        if item is not None:
            silent.reach(item, aggregate.state)
        cause, now = _cause_of(service, events, item)
        if cause is not None and now is not None:
            _decide_again(service, policy, aggregate, cause, now, events, result, seals)
        elif is_minted_from_event(cause_id) and service.inputs:
            _note(result, events[0], "cause_missing", f"input {cause_id} is not in the log")
        else:
            result.folded_only += len(events)
        for own in events:
            aggregate.state = service.evolve(aggregate.state, own.event)
            aggregate.sequence = own.event.sequence
            result.rows += service.project(Change(key, None, [own.event], aggregate.state))
        silent.after(aggregate.state)
    silent.end(aggregate.state)
    result.differences += [Difference(service.name, key, 0, "input_not_answered", text) for text in silent.broken]
    for item in inputs:
        if place_of(item) in aside:
            result.set_aside += 1
            continue
        result.rows += service.project(Change(key, item.cause, [], aggregate.state))


def _cause_of(service: Service, events: Sequence[Own], item: Decoded | None) -> tuple[Cause | None, datetime | None]:
    if item is not None:
        return item.cause, item.envelope.recordedtime
    cause_id = events[0].envelope.causationid
    if service.reissue is None or is_minted_from_event(cause_id):
        return None, None
    command = service.reissue(events[0].event, cause_id)
    return command, time_of_uuid7(cause_id)


def _decide_again(
    service: Service,
    policy: Any,
    aggregate: Aggregate,
    cause: Cause,
    now: datetime,
    events: Sequence[Own],
    result: Replayed,
    seals: KeyFound | None,
) -> None:
    try:
        drafts = service.decide(aggregate.state, cause, policy=policy, now=now)
    except Refused as refused:
        _note(result, events[0], "refused_on_replay", str(refused))
        return
    except ContentErased:
        result.on_digest += len(events)
        return
    minted = mint(service, drafts, aggregate.key, aggregate.sequence, cause.id, now)
    if len(minted) != len(events):
        _note(result, events[0], "other_number_of_events", f"log {len(events)}, replay {len(minted)}")
    for event, own in zip(minted, events, strict=False):
        lineage = Lineage(own.envelope.recordedtime, own.envelope.correlationid, own.envelope.traceparent)
        try:
            value = encode(event, seals)
        except ContentErased:
            result.on_digest += 1
            continue
        if value != own.value:
            _note(result, own, "other_bytes", event.type)
        elif attributes(service, event, cause.id, lineage) != own.envelope.attributes():
            _note(result, own, "other_attributes", event.type)
        else:
            result.decided_again += 1


def _note(result: Replayed, own: Own, what: str, detail: str) -> None:
    result.differences.append(Difference(result.service.name, own.event.key, own.event.sequence, what, detail))


class _Silent:
    """Inputs that led to no event: each must say nothing in one of the states that it may have met.

    Where commands came between, the log does not tell which state that was, so any will do. Of an erased subject
    they may have said nothing because what follows could not be read, or not be sealed.
    """

    def __init__(self, service: Service, policy: Any, inputs: Sequence[Decoded], seals: KeyFound | None) -> None:
        self.service = service
        self.policy = policy
        self.seals = seals
        self.left = list(inputs)
        self.states: list[Any] = [None]
        self.broken: list[str] = []

    def reach(self, item: Decoded, state: Any) -> None:
        """An input that led to events: those before it in its topic were silent."""
        while self.left and self.left[0] is not item and self.left[0].record.topic == item.record.topic:
            self._check(self.left.pop(0))
        if self.left and self.left[0] is item:
            self.left.pop(0)
        self.states = [state]

    def after(self, state: Any) -> None:
        """A state that the next input may meet."""
        self.states.append(state)

    def end(self, state: Any) -> None:
        """The log's end: what is left was silent, or has not been read yet."""
        self.states.append(state)
        for item in self.left:
            self._check(item)

    def _check(self, item: Decoded) -> None:
        what = "would lead to events"
        for state in self.states:
            try:
                if not self._says(state, item):
                    return
            except ContentErased:
                return
            except Exception as error:  # a bug, by now or then: then it is a dead letter
                what = f"raises {type(error).__name__}"
        self.broken.append(f"{item.envelope.type} sequence {item.envelope.sequence} {what}")

    def _says(self, state: Any, item: Decoded) -> bool:
        assert item.cause is not None  # noqa: S101  a history keeps no other
        now = item.envelope.recordedtime
        drafts = self.service.decide(state, item.cause, policy=self.policy, now=now)
        for event in mint(self.service, drafts, item.envelope.subject, 0, item.envelope.id, now):
            encode(event, self.seals)
        return bool(drafts)
