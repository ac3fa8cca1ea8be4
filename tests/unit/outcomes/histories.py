"""Plan changes to judge: a referral whose changes are written as ``plan.session("2025-01-06")``."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from services.contracts.base import VersionRef, Work
from services.contracts.codes import AgeBand, Attendance, Channel, Route, WorkStatus
from services.contracts.outcome import Evidence, LedgerCommand, ReferralOutcome
from services.contracts.plan import PlanCounters, PlanLatest, PlanSnapshot, PlanUpdated
from services.contracts.plan_change import (
    Closed,
    Corrected,
    EvidenceRecorded,
    NoteRecorded,
    PlanAgreed,
    ReviewCompleted,
    WorkStatusChanged,
    WorkStatusConfirmed,
)
from services.contracts.plan_codes import ClosureCode, CorrectionReason, EvidenceKind, PlanState, SessionAttendance
from services.contracts.plan_support_change import SessionRecorded, StepFinished
from services.contracts.referral import Consent, Consents
from services.contracts.types import PLAN_UPDATED
from services.kernel.decision import Command, Draft, Event, Received
from services.kernel.ids import event_id, uuid7
from services.kernel.sealing.content import Digest
from services.outcomes.domain.commanding import COMMAND_TYPE
from services.outcomes.domain.decide import decide
from services.outcomes.domain.state import Earnings, evolve
from services.outcomes.domain.terms import RateBook
from services.programmes.reader import load_book

PROGRAMME = "workwell-greater-manchester"
CONTRACT = "wwgm-manchester-growth-company"
PROVIDER = "growth-company"
MANCHESTER = RateBook(load_book())
REFERRED = date(2024, 11, 18)
NOW = datetime(2025, 1, 1, 9, tzinfo=UTC)
LATER = datetime(2028, 1, 3, 9, tzinfo=UTC)

UNEMPLOYED = Work(status=WorkStatus.UNEMPLOYED, attendance=None)
WORKING = Work(status=WorkStatus.EMPLOYED, attendance=Attendance.WORKING)
STRUGGLING = Work(status=WorkStatus.EMPLOYED, attendance=Attendance.STRUGGLING)


def day(text: str | date) -> date:
    return text if isinstance(text, date) else date.fromisoformat(text)


def evidence(kind: EvidenceKind, on: str | date) -> Evidence:
    return Evidence(kind=kind, obtained_on=day(on), reference=f"file/{kind}")


@dataclass
class Plan:
    """One referral's plan as outcomes sees it: each call is the next ``plan.updated``."""

    name: str = "one"
    contract: str | None = CONTRACT
    provider: str | None = PROVIDER
    programme: str = PROGRAMME
    work_at_referral: Work | None = UNEMPLOYED
    consent: Consent | None = field(default_factory=lambda: Consent(given=True, on=REFERRED, channel=Channel.PHONE))
    kept: tuple[Evidence, ...] = ()
    version: int = 0
    groups: tuple[str, ...] = ()
    referred_on: date = REFERRED
    acknowledged_on: date | None = None
    attended: int = 0
    linked_referral: str | None = None
    takes_over: bool = False
    state: PlanState = PlanState.ACTIVE

    @property
    def referral_id(self) -> str:
        return str(uuid5(NAMESPACE_URL, self.name))

    def session(self, on: str | date, attendance: SessionAttendance = SessionAttendance.ATTENDED) -> Received:
        self.attended += attendance is SessionAttendance.ATTENDED
        return self.change(
            SessionRecorded(
                by="coach-1",
                occurred_on=day(on),
                session_id=f"s{self.version + 1}",
                attendance=attendance,
                minutes=45 if attendance is SessionAttendance.ATTENDED else 0,
                channel=Channel.IN_PERSON,
                step_id=None,
            )
        )

    def missed(self, on: str | date) -> Received:
        return self.session(on, SessionAttendance.MISSED)

    def step(self, on: str | date) -> Received:
        return self.change(StepFinished(by="coach-1", occurred_on=day(on), step_id="step-1"))

    def review(self, on: str | date, *, improved: bool | None = None) -> Received:
        return self.change(
            ReviewCompleted(by="coach-1", occurred_on=day(on), reliable_improvement=improved, next_review_on=None)
        )

    def work(self, on: str | date, work: Work = WORKING) -> Received:
        return self.change(WorkStatusChanged(by="coach-1", occurred_on=day(on), work=work, weekly_hours=20))

    def confirmed(self, on: str | date, *shown: Evidence, work: Work = WORKING, **more: Any) -> Received:
        """``more``: since, break_days, weekly_hours, earned_pence, self_employed_days."""
        fields: dict[str, Any] = {"since": None, "weekly_hours": 20} | more
        return self.change(WorkStatusConfirmed(by="coach-1", occurred_on=day(on), work=work, evidence=shown, **fields))

    def agreed(self, on: str | date) -> Received:
        return self.change(PlanAgreed(by="coach-1", occurred_on=day(on), goals=(), steps=(), review_on=None))

    def closed(self, on: str | date, closure: ClosureCode = ClosureCode.COMPLETED_BY_AGREEMENT) -> Received:
        return self.change(Closed(by="coach-1", occurred_on=day(on), closure=closure))

    def evidence(self, on: str | date, shown: Evidence, milestone: str | None = None) -> Received:
        self.kept = (*self.kept, shown)[-10:]
        return self.change(EvidenceRecorded(by="coach-1", occurred_on=day(on), evidence=shown, milestone=milestone))

    def note(self, on: str | date) -> Received:
        return self.change(NoteRecorded(by="coach-1", occurred_on=day(on), note_digest=Digest("0" * 64)))

    def corrected(self, on: str | date, version: int | None) -> Received:
        return self.change(
            Corrected(
                by="coach-1",
                occurred_on=day(on),
                refers_to=version,
                took_back=None,
                fields=("occurred_on",),
                reason=CorrectionReason.WRONG_DATE,
                event_id=None,
            )
        )

    def change(self, change: Any) -> Received:
        self.version += 1
        consents = None if self.consent is None else _consents(self.consent)
        data = PlanUpdated(
            referral_id=self.referral_id,
            person_id=str(uuid5(NAMESPACE_URL, f"person of {self.name}")),
            programme=VersionRef(id=self.programme, version="2024.1"),
            area_code="QOP",
            locality="manchester",
            provider=self.provider,
            contract=self.contract,
            route=Route.GP,
            referred_on=self.referred_on,
            occurred_on=change.occurred_on,
            age_band=AgeBand.FROM_35,
            work=UNEMPLOYED,
            plan_version=self.version,
            state=self.state,
            change=change,
            plan=PlanSnapshot(
                revision=1,
                consents=consents,
                work_at_referral=self.work_at_referral,
                latest=PlanLatest(evidence=self.kept),
                counters=PlanCounters(sessions_attended=self.attended),
                priority_groups=self.groups,
                acknowledged_on=self.acknowledged_on,
                linked_referral=self.linked_referral,
                takes_over=self.takes_over,
            ),
        )
        identity = event_id(str(uuid5(NAMESPACE_URL, self.name)), PLAN_UPDATED, self.version)
        return Received(identity, PLAN_UPDATED, self.referral_id, data, NOW, self.version)


def _consents(take_part: Consent) -> Consents:
    return Consents(take_part=take_part, share_with_gp=None, share_with_employer=None)


@dataclass
class Books:
    """Outcomes without a runtime: one referral's state and all that it has recorded.

    A change that comes again is passed over by its sequence, as the kernel does.
    """

    policy: RateBook = field(default_factory=lambda: MANCHESTER)
    states: dict[str, Earnings] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    causes: dict[str, str] = field(default_factory=dict)

    def take(self, *causes: Received) -> list[ReferralOutcome]:
        """Apply changes; return what they led to."""
        made = []
        for cause in causes:
            if cause.sequence <= self.seen.get(cause.key, 0):
                continue
            self.seen[cause.key] = cause.sequence
            now = NOW + timedelta(minutes=cause.sequence)
            drafts = decide(self.states.get(cause.key), cause, policy=self.policy, now=now)
            made += self._record(cause.id, cause.key, drafts, now)
        return made

    def _record(self, cause_id: str, key: str, drafts: list[Draft], now: datetime) -> list[ReferralOutcome]:
        made = []
        own = self.made.get(key, 0)
        self.made[key] = own + len(drafts)
        for ordinal, draft in enumerate(drafts):
            identity = event_id(cause_id, draft.type, ordinal)
            event = Event(identity, draft.type, key, own + ordinal + 1, draft.data, now, draft.policy)
            self.states[key] = evolve(self.states.get(key), event)
            self.events.append(event)
            self.causes[identity] = cause_id
            made.append(event.data.root)
        return made

    def command(self, asked: LedgerCommand, key: str, now: datetime = LATER) -> list[ReferralOutcome]:
        """Apply a command of finance; return what it led to. Raises Refused."""
        own = self.made.get(key, 0)
        command = Command(uuid7(now, own.to_bytes(10)), COMMAND_TYPE, key, asked, asked.by)
        drafts = decide(self.states.get(key), command, policy=self.policy, now=now)
        return self._record(command.id, key, drafts, now)

    @property
    def pence(self) -> int:
        return sum(event.data.root.amount_pence for event in self.events)
