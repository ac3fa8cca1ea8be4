"""The log as a service sees it: for each key its inputs and its own events, once each, in order."""

from collections import defaultdict
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from services.kernel.decision import Event
from services.kernel.envelope import Envelope, EnvelopeError, from_headers
from services.kernel.runtime.records import Decoded, Record, UnknownVersion, decode
from services.kernel.sealing.content import Sealed
from services.kernel.service import Service


@dataclass(frozen=True, slots=True)
class Own:
    """One of the service's own events as the log holds it: envelope, bytes, and the event that was folded.

    ``sealed`` is the sealed content among its data.
    """

    envelope: Envelope
    value: bytes
    event: Event
    sealed: Sequence[Sealed[Any]] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it should be. ``what`` is a stable code."""

    service: str
    key: str
    sequence: int
    what: str
    detail: str = ""


@dataclass
class History:
    """One service's part of the log. ``differences`` are what reading alone shows: gaps, two ids for one number."""

    service: Service
    inputs: dict[str, dict[tuple[str, int], Decoded]] = field(default_factory=lambda: defaultdict(dict))
    own: dict[str, dict[int, Own]] = field(default_factory=lambda: defaultdict(dict))
    differences: list[Difference] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Take a record in, if it concerns the service. A repeated one is dropped."""
        if record.topic == self.service.output:
            self._add_own(record)
        if record.topic in self.service.inputs:
            self._add_input(record)

    def _add_own(self, record: Record) -> None:
        own = read_own(self.service, record)
        if own is None:
            return
        first = self.own[own.event.key].setdefault(own.event.sequence, own)
        if first.event.id != own.event.id:
            self._note(own.event.key, own.event.sequence, "two_ids_for_one_sequence", own.event.id)

    def _add_input(self, record: Record) -> None:
        try:
            item = decode(self.service, record)
        except UnknownVersion as error:
            self._note("", 0, "unknown_version", str(error))
            return
        if isinstance(item, Decoded) and item.cause is not None:
            self.inputs[item.envelope.subject].setdefault((record.topic, item.envelope.sequence), item)
            begotten = self.service.begotten(item.cause)
            if begotten is not None:  # before everything that its own key says in that topic
                place = (record.topic, -item.envelope.sequence)
                self.inputs[begotten.key].setdefault(place, replace(item, cause=begotten))

    def _note(self, key: str, sequence: int, what: str, detail: str) -> None:
        self.differences.append(Difference(self.service.name, key, sequence, what, detail))

    def all_keys(self) -> list[str]:
        """Return every key that has an input or an event, sorted."""
        return sorted({*self.inputs, *self.own})

    def events(self, key: str) -> list[Own]:
        """Return a key's own events in order, up to the first gap, which is noted."""
        found: list[Own] = []
        for expected, sequence in enumerate(sorted(self.own.get(key, {})), 1):
            if sequence != expected:
                self._note(key, sequence, "gap_in_log", f"expected sequence {expected}")
                break
            found.append(self.own[key][sequence])
        return found

    def subjects(self) -> dict[str, str]:
        """Return whose key seals what a key's inputs and events hold, for the keys where somebody's does."""
        found = {}
        for key in self.all_keys():
            first = next((item.cause.data for item in self.causes(key) if item.cause is not None), None)
            own = next(iter(self.own.get(key, {}).values()), None)
            subject = self.service.subject_of(None, own.event.data if first is None and own is not None else first)
            if subject is not None:
                found[key] = subject
        return found

    def causes(self, key: str) -> list[Decoded]:
        """Return a key's inputs by topic and sequence."""
        inputs = self.inputs.get(key, {})
        return [inputs[place] for place in sorted(inputs)]


def read_own(service: Service, record: Record) -> Own | None:
    """Read one of a service's own events; None for what others wrote into its topic, and for what nobody can read.

    Consumers set such a record aside; where it stands in the place of a real event, the number is a gap.
    """
    try:
        envelope = from_headers(record.headers, record.key)
    except EnvelopeError:
        return None
    contract = service.registry.find(envelope.type)
    if envelope.source != service.source or contract is None or record.value is None:
        return None
    sealed: list[Sealed[Any]] = []
    try:
        data = contract.model.model_validate_json(record.value, context=sealed)
    except ValidationError:
        return None
    event = Event(envelope.id, envelope.type, envelope.subject, envelope.sequence, data, envelope.time)
    return Own(envelope, record.value, event, sealed)


async def read_histories(services: Sequence[Service], batches: AsyncIterable[Sequence[Record]]) -> list[History]:
    """Sort a log into the histories of services."""
    histories = [History(service) for service in services]
    async for records in batches:
        for record in records:
            for history in histories:
                history.add(record)
    return histories
