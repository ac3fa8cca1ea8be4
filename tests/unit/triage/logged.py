"""Referrals and what triage decided of them, as the topics hold them: by the kernel's own fold, sealed and encoded."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from services.contracts import types
from services.contracts.safety_codes import SafetyAction
from services.kernel.decision import Cause, Command, Event, Received
from services.kernel.envelope import to_headers
from services.kernel.runtime.fold import Aggregate, Lineage, Output, Sealing, apply, attributes, encode
from services.kernel.runtime.records import Record
from services.kernel.sealing.content import Sealed, unlock
from services.kernel.sealing.subject_key import SubjectKey
from services.triage.domain.decide import ACKNOWLEDGE, Acknowledge
from services.triage.service import build
from tests.parts.keys import key_of
from tests.spec.people import NOW, policy, received, referral

Logged = list[Record]


def referral_id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"referral of {name}"))


def person_id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"person {name}"))


@dataclass
class Log:
    """Two topics of one partition each. ``add`` refers somebody and lets triage decide; ``keys`` are the people's."""

    keys: Callable[[str], SubjectKey] = key_of
    records: Logged = field(default_factory=list)
    aggregates: dict[str, Aggregate] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, *, person: str | None = None, equality: dict[str, Any] | None = None, **given: Any) -> str:
        """Refer somebody by what is ``given`` (see :mod:`tests.spec.people`); returns the referral's id."""
        key, subject = referral_id(name), person_id(person or name)
        programme = given.pop("programme", None)
        whole = referral(referral_id=key, **given)
        changes: dict[str, Any] = {"person_id": subject}
        if equality is not None:
            said = {**whole.equality.model_dump(), **equality}
            changes["equality"] = type(whole.equality).model_validate(said, strict=False)
        if programme is not None:
            changes["programme"] = type(whole.programme)(id=programme, version="2024.1")
        sent = whole.model_copy(update=changes)
        cause = received(types.REFERRAL_CREATED, sent, len(self.records) + 1)
        self._happened(subject, cause)
        return key

    def acknowledge(self, name: str) -> None:
        """Let a person take up what waits."""
        data = Acknowledge(actions=(SafetyAction.PERSON_SAFE,))
        command = Command(f"0193394e-0000-7000-8000-{len(self.records):012d}", ACKNOWLEDGE, "", data, "nurse")
        self._decide(person_id(name), replace(command, key=referral_id(name)))

    def _happened(self, subject: str, cause: Received) -> None:
        event = Event(cause.id, cause.type, cause.key, self._next(types.TOPIC_REFERRAL, cause.key), cause.data, NOW)
        value = encode(event, self.keys(subject))
        said = attributes(_INTAKE, event, "00000000-0000-7000-8000-000000000000", Lineage(NOW, cause.key))
        self._append(types.TOPIC_REFERRAL, cause.key, said, value)
        self._decide(subject, replace(cause, data=self._opened(cause.data, value, subject)))

    def _opened(self, data: Any, value: bytes, subject: str) -> Any:
        found: list[Sealed[Any]] = []
        read = type(data).model_validate_json(value, context=found)
        unlock(found, self.keys(subject))
        return read

    def _decide(self, subject: str, cause: Cause) -> None:
        aggregate = self.aggregates.setdefault(cause.key, Aggregate(cause.key))
        output = Output()
        apply(
            _TRIAGE,
            policy(),
            aggregate,
            cause,
            NOW,
            Lineage(NOW, cause.key),
            output,
            Sealing({subject: self.keys(subject)}),
        )
        for topic, key, _, _, _, headers, value in output.outbox:
            self._append(topic, key, json.loads(headers), value)

    def _next(self, topic: str, key: str) -> int:
        self.sequences[topic + key] = self.sequences.get(topic + key, 0) + 1
        return self.sequences[topic + key]

    def _append(self, topic: str, key: str, said: dict[str, str], value: bytes) -> None:
        offset = self.ends.get(topic, 0)
        self.ends[topic] = offset + 1
        self.records.append(Record(topic, 0, offset, key.encode(), value, to_headers(said)))

    def of(self, topic: str) -> Logged:
        """Return the records of one topic."""
        return [record for record in self.records if record.topic == topic]


def many(log: Log, prefix: str, count: int, **given: Any) -> Iterable[str]:
    """Refer several people by the same facts."""
    return [log.add(f"{prefix}{n}", **given) for n in range(count)]


_TRIAGE = build()
_INTAKE = replace(_TRIAGE, name="intake")
