"""Everybody whom triage has decided about, read from the topics as an auditor reads them.

Triage's own events hold all that a decision read: facts, answers, what awaits a person. Of intake's only the equality
group is taken, which no rule can read: a change of rules should show whom it is for. Nothing is written anywhere.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.contracts import types
from services.contracts.referral import Equality, ReferralCorrected, ReferralCreated
from services.kernel.replay.history import read_own
from services.kernel.runtime.records import Decoded, Record, UnknownVersion, decode
from services.kernel.sealing.content import Sealed
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.service import Service
from services.triage.domain.policy import TriagePolicy
from services.triage.domain.state import TriageState
from services.triage.trying.decisions import common_groups, known_of
from services.triage.trying.known import Known, Left, LeftOut, Uncompared, groups

DIMENSIONS: Final = (
    "programme",
    "area",
    "locality",
    "route",
    "age_band",
    "work_status",
    "attendance",
    "sex",
    "ethnic_group",
    "imd_quintile",
)
"""What referrals of the log are counted by."""

KEYS_AT_ONCE: Final = 5_000

Fetch = Callable[[Sequence[str]], Awaitable[Mapping[str, KeyFound]]]
"""Returns the keys of subjects."""


@dataclass(slots=True)
class _Referral:
    """One referral while the log is read. ``sealed`` is what its last decision holds sealed."""

    sequence: int = 0
    state: TriageState | None = None
    sealed: list[Sealed[Any]] = field(default_factory=list)
    equality: Equality | None = None
    incomplete: bool = False

    def known(self, name: str, state: TriageState, ruleset: str, policy: TriagePolicy, key: KeyFound | None) -> Known:
        """Return what is known of it. Raises LeftOut."""
        if self.incomplete:
            raise LeftOut(Left.INCOMPLETE)
        decision, equality = state.decision, self.equality
        said = {
            **common_groups(decision),
            "sex": equality and equality.sex,
            "ethnic_group": equality and equality.ethnic_group,
            "imd_quintile": equality and equality.imd_quintile,
        }
        return known_of(name, decision, self.sealed, key, ruleset, policy, groups(said, DIMENSIONS))


class DecisionsInLog:
    """Folds triage's events to the newest decision of each referral; holds no more of the log than that."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._found: dict[str, _Referral] = {}

    async def read(self, batches: AsyncIterable[Sequence[Record]]) -> None:
        """Read topics to their end; each key's events come in order."""
        async for records in batches:
            for record in records:
                self.add(record)

    def add(self, record: Record) -> None:
        """Take in a record. What was sent twice counts once."""
        if record.topic == types.TOPIC_TRIAGE:
            self._own(record)
        elif record.topic == types.TOPIC_REFERRAL:
            self._equality(record)

    def _own(self, record: Record) -> None:
        own = read_own(self._service, record)
        if own is None:
            return
        one = self._found.setdefault(own.event.key, _Referral())
        if own.event.sequence <= one.sequence or one.incomplete:
            return
        if own.event.sequence > one.sequence + 1:
            one.incomplete = True
            return
        one.state = self._service.evolve(one.state, own.event)
        one.sequence = own.event.sequence
        if own.event.type == types.TRIAGE_COMPLETED:
            one.sealed = list(own.sealed)

    def _equality(self, record: Record) -> None:
        try:
            item = decode(self._service, record)
        except UnknownVersion:
            return
        if not isinstance(item, Decoded) or item.cause is None:
            return
        match item.cause.data:
            case ReferralCreated(equality=equality):
                self._found.setdefault(item.envelope.subject, _Referral()).equality = equality
            case ReferralCorrected(change=change):
                self._found.setdefault(item.envelope.subject, _Referral()).equality = change.equality

    def __len__(self) -> int:
        return sum(1 for one in self._found.values() if one.state is not None)

    async def known(
        self, ruleset: str, policy: TriagePolicy, fetch: Fetch, left: Uncompared
    ) -> AsyncIterator[Known | None]:
        """Yield everybody decided about by a rule set, None for each who is left out and counted in ``left``."""
        every = list(self._found)
        for start in range(0, len(every), KEYS_AT_ONCE):
            some = [(key, self._found[key]) for key in every[start : start + KEYS_AT_ONCE]]
            decided = [(key, one, one.state) for key, one in some if one.state is not None]
            keys = await fetch(sorted({state.decision.person_id for _, _, state in decided}))
            for key, one, state in decided:
                try:
                    yield one.known(key, state, ruleset, policy, keys.get(state.decision.person_id))
                except LeftOut as out:
                    left.leave(out.why)
                    yield None
