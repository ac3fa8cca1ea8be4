"""A desk for one plan: what coaching would do, without a database or a broker."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from pydantic import TypeAdapter

from services.coaching.domain.commands import Asked, PlanCommand
from services.coaching.domain.plan import Plan
from services.coaching.domain.policy import CoachingPolicy
from services.coaching.domain.reissue import COMMAND_TYPE
from services.coaching.service import build
from services.contracts import types
from services.contracts.codes import Intensity, TriageOutcome, Urgency
from services.contracts.plan_codes import PlanState
from services.contracts.registry import EVENTS
from services.contracts.triage import Findings, Reason, SealedFindings
from services.kernel.decision import Cause, Command, Event, Received, Refused
from services.kernel.ids import event_id, uuid7
from services.kernel.runtime.fold import Aggregate, Lineage, Output, Sealing, apply, encode
from services.kernel.sealing.content import Sealed
from tests.parts.keys import MadeKeys, key_of

SERVICE = build()
COMMAND: TypeAdapter[PlanCommand] = TypeAdapter(PlanCommand)
REFERRAL = "0192f3a1-5c77-4b0e-9d43-6a1f0c2e7b11"
ORIGIN = "0192f3a1-5c77-5b0e-9d43-6a1f0c2e7b12"
REFERRED_ON = date(2024, 11, 18)
TODAY = date(2025, 6, 2)
NOW = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)

PERSON = "5b7c1f60-2d3e-4a88-8f19-0c9e4d7a2f35"

COMMON: dict[str, Any] = {
    "referral_id": REFERRAL,
    "person_id": PERSON,
    "programme": {"id": "workwell-greater-manchester", "version": "2024.1"},
    "area_code": "QOP",
    "locality": "manchester",
    "provider": "growth-company",
    "contract": "wwgm-manchester-growth-company",
    "route": "gp",
    "referred_on": REFERRED_ON,
    "occurred_on": REFERRED_ON,
    "age_band": "35-49",
    "work": {"status": "employed", "attendance": "off_sick"},
}
GIVEN = {"given": True, "on": REFERRED_ON, "channel": "in_person"}
PACKAGE = (
    {"support": "physiotherapy", "intensity": None, "after": ()},
    {"support": "employer_conversation", "intensity": None, "after": ("physiotherapy",)},
)
RULESET = {"id": "workwell-matching", "version": "2024.1", "sha256": "a" * 64}
FINDINGS = Findings(
    urgency=Urgency.ROUTINE,
    cause=None,
    intensity=Intensity.LIGHT_TOUCH,
    reasons=(Reason(rule="R21", code="msk_medium_or_high"),),
    runners_up=(),
    awaits=(),
    acknowledged=(),
)
FACTS = {
    **dict.fromkeys(("job_at_risk", "off_sick_since", "unemployed_since", "weekly_hours", "complex_needs")),
    **dict.fromkeys(("highest_qualification_level", "earnings_band", "local_gp")),
}


@cache
def policy() -> CoachingPolicy:
    found: CoachingPolicy = SERVICE.policy()
    return found


def triage_event(event_type: str, **fields: Any) -> Any:
    """Return the data of an event of triage, as triage decides it; ``fields`` replace or add to the usual ones."""
    usual: dict[str, Any] = {}
    if event_type == types.TRIAGE_COMPLETED:
        usual = {
            "revision": 1,
            "asks": (),
            "facts": FACTS,
            "consents": {"take_part": GIVEN, "share_with_gp": GIVEN, "share_with_employer": None},
            "eligibility": {"outcome": "eligible", "reasons": ()},
            "priority_groups": (),
            "language": "en",
            "formats": (),
            "linked_referral": None,
            "takes_over": False,
            "referrer": None,
            "outcome": TriageOutcome.RECOMMENDED,
            "package": PACKAGE,
            "alternatives": (),
            "ruleset": RULESET,
            "awaiting_since": None,
            "awaiting": (),
            "input_digest": "b" * 64,
            "sealed": SealedFindings(findings=Sealed.of(FINDINGS), assessment=None),
        }
    elif event_type == types.TRIAGE_ACKNOWLEDGED:
        usual = {"revision": 1, "by": "nurse-1", "acknowledged_at": NOW, "actions": ("person_safe",)}
    else:
        usual = {"origin": ORIGIN, "received_at": NOW}
    return EVENTS[event_type].model.model_validate({**COMMON, **usual, **fields}, strict=False)


def as_it_comes(event_id: str, event_type: str, data: Any) -> tuple[Any, list[Sealed[Any]]]:
    """Return data as coaching reads it, from its bytes; and what it holds sealed."""
    value = encode(Event(event_id, event_type, REFERRAL, 1, data, NOW), key_of(data.person_id))
    sealed: list[Sealed[Any]] = []
    return EVENTS[event_type].model.model_validate_json(value, context=sealed), sealed


@dataclass
class Desk:
    """One plan and all that happened to it. Causes are numbered, so that equal histories are equal bytes."""

    aggregate: Aggregate = field(default_factory=lambda: Aggregate(REFERRAL))
    events: list[Event] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    now: datetime = NOW
    late: bool = False
    count: int = 0
    person: str = PERSON
    keys: MadeKeys = field(default_factory=MadeKeys)

    @property
    def state(self) -> Plan:
        assert isinstance(self.aggregate.state, Plan)
        return self.aggregate.state

    @property
    def bytes(self) -> list[bytes]:
        return [encode(event, key_of(self.person)) for event in self.events]

    def apply(self, cause: Cause, came: Sequence[Sealed[Any]] = ()) -> list[Event]:
        """Apply one cause as the kernel does. Raises Refused for a command that cannot be."""
        output = Output()
        lineage, sealing = Lineage(self.now, cause.id), Sealing({self.person: self.keys.key(self.person)}, came)
        events = apply(SERVICE, policy(), self.aggregate, cause, self.now, lineage, output, sealing)
        self.events += events
        self.causes += [cause] * len(events)
        self.rows += [(table.name, row) for table, rows in output.rows.items() for row in rows]
        return events

    def hear(self, event_type: str, **fields: Any) -> list[Event]:
        """Let an event of triage arrive."""
        self.count += 1
        cause = event_id(uuid7(NOW, self.count.to_bytes(10, "big")), event_type, 0)
        plain = triage_event(event_type, **{"person_id": self.person, **fields})
        data, came = as_it_comes(cause, event_type, plain)
        return self.apply(Received(cause, event_type, REFERRAL, data, self.now, self.count), came)

    def triage(self, outcome: str = "recommended", revision: int = 1, **fields: Any) -> list[Event]:
        package = {} if outcome == "recommended" else {"package": ()}
        return self.hear(
            types.TRIAGE_COMPLETED, **{**package, "outcome": TriageOutcome(outcome), "revision": revision, **fields}
        )

    def acknowledge(self, revision: int) -> list[Event]:
        return self.hear(types.TRIAGE_ACKNOWLEDGED, revision=revision)

    def relay(self, kind: str, *, on: date = REFERRED_ON, **change: Any) -> list[Event]:
        return self.hear(types.TRIAGE_RELAYED, occurred_on=on, change={"kind": kind, "by": None, **change})

    def ask(
        self, kind: str, on: date | None = None, *, by: str = "coach-1", version: int | None = None, **fields: Any
    ) -> list[Event]:
        """Send a command. Raises Refused. A plan is told to be open again on that day, unless it is told ``late``."""
        self.count += 1
        body = COMMAND.validate_python({"kind": kind, "occurred_on": on or REFERRED_ON, **fields})
        now = self.now
        if kind == "reopened" and not self.late:
            self.now = min(now, datetime.combine(body.occurred_on, now.timetz()))
        try:
            command_id = uuid7(self.now, self.count.to_bytes(10, "big"))
            return self.apply(Command(command_id, COMMAND_TYPE, REFERRAL, Asked(body, version), actor=by))
        finally:
            self.now = now


def step(step_id: str, *after: str, support: str = "physiotherapy") -> dict[str, Any]:
    return {"step_id": step_id, "support": support, "after": after}


WORKING = {"status": "employed", "attendance": "working"}
PAYSLIP = {"kind": "payslip", "obtained_on": REFERRED_ON, "reference": "doc-1"}
GOAL = {"goal_id": "goal-1", "theme": "return_to_work"}
FIRST_STEPS = (step("step-1"), step("step-2", "step-1", support="employer_conversation"))


def day(number: int) -> date:
    """Return a day after the referral."""
    return REFERRED_ON + timedelta(days=number)


def desk(state: PlanState | str | None = PlanState.PROPOSED) -> Desk:
    """Return a desk whose plan has come to a state by the shortest way; None: no plan yet."""
    made = Desk()
    if state is None:
        return made
    state = PlanState(state)
    made.triage()
    if state is PlanState.PROPOSED:
        return made
    if state is PlanState.WITHDRAWN:
        made.ask("withdrawn", reason="changed_mind")
        return made
    made.ask("recommendation_confirmed", revision=1)
    if state is PlanState.CONFIRMED:
        return made
    made.ask("plan_agreed", goals=(GOAL,), steps=FIRST_STEPS)
    if state is PlanState.AGREED:
        return made
    made.ask("step_started", step_id="step-1")
    if state is PlanState.PAUSED:
        made.ask("paused", reason="away")
    elif state is PlanState.IN_REVIEW:
        made.ask("step_finished", step_id="step-1")
        made.ask("step_cancelled", step_id="step-2", reason="person_declined")
    elif state is PlanState.CLOSED:
        made.ask("closed", closure="46")
    assert made.state.state is state
    return made


def agreed(steps: Any) -> dict[str, Any]:
    return {"goals": (GOAL,), "steps": steps}


def override(*package: dict[str, Any]) -> dict[str, Any]:
    return {"revision": 1, "reason": "person_prefers", "package": package}


def refusal(made: Desk, kind: str, on: date | None = None, **fields: Any) -> tuple[int, list[tuple[str, str]]]:
    """Return status and reasons of a refusal, having checked that nothing changed."""
    before = (made.aggregate.state, made.aggregate.sequence, len(made.rows))
    with pytest.raises(Refused) as refused:
        made.ask(kind, on, **fields)
    assert (made.aggregate.state, made.aggregate.sequence, len(made.rows)) == before
    return refused.value.status, [(reason.code, reason.pointer) for reason in refused.value.reasons]
