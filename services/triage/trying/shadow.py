"""A candidate rule file decides beside the live one: it reads what triage decided, and decides the same again.

It can emit nothing. It is no service of the kernel: it has no group, no state, no outbox and no relay. It reads the
topic as an auditor does, and its database role may write two tables of its own and nothing else. A candidate that
fails on somebody is counted; the live worker is another process, which does not know of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import structlog
from prometheus_client import Counter as Metric

from services.contracts import types
from services.contracts.triage import TriageCompleted
from services.kernel.replay.history import Own, read_own
from services.kernel.runtime.log_view import Extent, Place
from services.kernel.runtime.records import Record
from services.kernel.sealing.content import ContentErased, KeyMissing, Sealer
from services.kernel.sealing.keyring import Keys
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.service import Service
from services.triage.domain.comparing import Decided, difference
from services.triage.domain.policy import TriagePolicy
from services.triage.domain.rules import RuleSet
from services.triage.domain.trial import Trial
from services.triage.trying.decisions import known_of
from services.triage.trying.known import LeftOut
from services.triage.trying.shadow_store import FIELD, Row, ShadowStore

log = structlog.get_logger()

TOPIC: Final = types.TOPIC_TRIAGE


class Found(StrEnum):
    """What became of one decision of the live rules."""

    AGREEING = "agreeing"
    DISAGREEING = "disagreeing"
    LEFT_OUT = "left_out"  # of another rule set, erased, restricted, or not to be opened
    FAILED = "failed"  # the candidate raised


decisions = Metric(
    "pathway_shadow_decisions_total", "Decisions that a candidate rule file made again", ["ruleset", "version", "found"]
)


class Shadow:
    """Compares a candidate with what triage decided; a :class:`services.kernel.runtime.following.Reader`."""

    def __init__(
        self, candidate: RuleSet, service: Service, policy: TriagePolicy, store: ShadowStore, keys: Keys
    ) -> None:
        self._trial = Trial(candidate)
        self._candidate = candidate
        self._service = service
        self._policy = policy
        self._store = store
        self._keys = keys

    async def begin(self, extents: Mapping[Place, Extent]) -> dict[Place, int]:
        """Return where to go on; a partition that is new to this candidate begins at its end, beside the live one."""
        known = await self._store.positions(self._candidate)
        begun = {}
        for place, extent in extents.items():
            at = known.get(place)
            if at is not None and not extent.earliest <= at <= extent.end:
                log.warning("shadow_begins_anew", service="triage", topic=place[0], partition=place[1], offset=at)
                at = None
            if at is None:
                await self._store.place(self._candidate, place, extent.end)
                at = extent.end
            begun[place] = at
        return begun

    async def take(self, records: Sequence[Record]) -> None:
        """Compare the decisions among records of one partition, and write what differs with the position."""
        own = [found for record in records if (found := read_own(self._service, record)) is not None]
        decided = [one for one in own if one.event.type == types.TRIAGE_COMPLETED]
        keys = await self._keys.get({one.event.data.person_id for one in decided})
        counts: Counter[str] = Counter()
        rows: list[Row] = []
        for one in decided:
            counts[self._compare(one, keys.get(one.event.data.person_id), rows)] += 1
        last = records[-1]
        await self._store.save(
            self._candidate, (last.topic, last.partition), records[0].offset, last.offset + 1, counts, rows
        )
        for name, count in counts.items():
            decisions.labels(self._candidate.ruleset, self._candidate.version, name).inc(count)

    def _compare(self, one: Own, key: KeyFound | None, rows: list[Row]) -> Found:
        decision: TriageCompleted = one.event.data
        try:
            row = self._difference(one, decision, key)
        except (LeftOut, ContentErased, KeyMissing):
            return Found.LEFT_OUT
        except Exception as error:  # a candidate's bug is its own: counted, and no decision of anybody's
            log.warning("shadow_failed", service="triage", error=type(error).__name__)
            return Found.FAILED
        if row is None:
            return Found.AGREEING
        rows.append(row)
        return Found.DISAGREEING

    def _difference(self, one: Own, decision: TriageCompleted, key: KeyFound | None) -> Row | None:
        ruleset = self._candidate.ruleset
        known = known_of(one.event.key, decision, one.sealed, key, ruleset, self._policy, _NO_GROUPS)
        engine = self._trial.engine(known.parameters)
        found = difference(Decided.in_event(decision), Decided.by(engine.match(known.facts, known.awaits)))
        if found is None:
            return None
        token = Sealer(key, one.event.id).seal(found.model_dump_json().encode(), FIELD)
        return Row(one.event.key, decision.revision, decision.programme.id, token)


_NO_GROUPS: Final[Mapping[str, Any]] = {}
