"""Laws of plans, over random histories with bad commands among them, against a model of its own."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.coaching.domain.plan import Plan, evolve
from services.coaching.domain.reissue import reissue
from services.contracts.plan import PlanUpdated
from services.kernel.decision import Command, Event, Refused
from tests.property import coaching_histories as histories
from tests.property.coaching_model import PlanModel
from tests.unit.coaching.desk import GIVEN, REFERRED_ON, TODAY, Desk

LATER = REFERRED_ON + timedelta(days=30)
RANDOM = st.integers(0, 2**64 - 1).map(Random)


class PlanHistories(RuleBasedStateMachine):
    """One plan; every rule is one cause, allowed or not."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.model = PlanModel(REFERRED_ON, TODAY)

    @initialize(state=st.sampled_from((None, *histories.START)))
    def a_plan_has_come_this_far(self, state: str | None) -> None:
        if state is not None:
            self._triage("recommended", 1, REFERRED_ON)
            for kind, fields in histories.START[state]:
                self._ask(kind, REFERRED_ON, "coach-1", None, fields)
            assert self.model.state == state

    @rule(rnd=RANDOM)
    def a_coach_asks(self, rnd: Random) -> None:
        self._one_command(rnd)

    @rule(rnd=RANDOM)
    def a_coach_asks_again_and_again(self, rnd: Random) -> None:
        for _ in range(3):
            self._one_command(rnd)

    @rule(rnd=RANDOM)
    def triage_says_something(self, rnd: Random) -> None:
        match rnd.choices(("triage", "acknowledge", "consent", "withdrawal"), (10, 6, 5, 1))[0]:
            case "triage":
                outcome = rnd.choices(("recommended", "held", "not_eligible"), (6, 3, 1))[0]
                consent = REFERRED_ON + timedelta(days=rnd.choice((0, 20)))
                self._triage(outcome, max(1, self.model.revision + rnd.choice((1, 1, 1, 0))), consent)
            case "acknowledge":
                revision = max(1, self.model.revision - rnd.choice((0, 0, 1)))
                self._heard(self.model.acknowledged(revision), self.desk.acknowledge(revision))
            case "consent":
                given = rnd.random() < 0.9
                heard = self.desk.relay("consent_changed", on=LATER, consent="take_part", given=given, channel=None)
                self._heard(self.model.relayed_consent(given, LATER), heard)
            case "withdrawal":
                heard = self.desk.relay("withdrawn", on=LATER, reason="moved_away", channel=None)
                self._heard(self.model.relayed_withdrawal(), heard)

    def _triage(self, outcome: str, revision: int, consent: date) -> None:
        consents = {"take_part": {**GIVEN, "on": consent}, "share_with_gp": None, "share_with_employer": None}
        expected = self.model.triage(outcome, revision, consent)
        self._heard(expected, self.desk.triage(outcome, revision, consents=consents))

    def _heard(self, expected: bool, events: list[Event]) -> None:
        assert len(events) == (1 if expected else 0)

    def _one_command(self, rnd: Random) -> None:
        kind, fields = histories.command(rnd, self.model)
        seen = rnd.choice((None, None, None, self.model.version, self.model.version + 1))
        self._ask(kind, histories.day(rnd), rnd.choice(histories.COACHES), seen, fields)

    def _ask(self, kind: str, on: date, by: str, version: int | None, fields: dict[str, Any]) -> None:
        desk = self.desk
        before, sequence, rows = desk.aggregate.state, desk.aggregate.sequence, len(desk.rows)
        code = self.model.ask(kind, on, by, version, fields)
        if code is None:
            assert len(desk.ask(kind, on, by=by, version=version, **fields)) == 1
            return
        with pytest.raises(Refused) as refused:
            desk.ask(kind, on, by=by, version=version, **fields)
        assert code in {reason.code for reason in refused.value.reasons}
        assert (desk.aggregate.state, desk.aggregate.sequence, len(desk.rows)) == (before, sequence, rows)

    @invariant()
    def the_plan_is_what_the_model_says(self) -> None:
        model = self.model
        if not model.exists:
            assert self.desk.aggregate.state is None
            return
        state = self.desk.state
        plan = state.plan
        seen = (
            *(state.state, state.plan_version, plan.revision, plan.confirmed_revision, plan.held_revision),
            *(plan.proposal and plan.proposal.outcome, plan.coach, plan.closed_on, plan.started_on),
            *({s.step_id for s in plan.steps}, list(plan.finished_steps), plan.counters.sessions_attended),
            *({g.goal_id: g.progress for g in plan.goals}, {e.kind for e in plan.latest.evidence}),
            *({b.barrier_id: b.state for b in plan.barriers}, {a.adjustment: a.state for a in plan.adjustments}),
            *({s.step_id: (s.booking.state, s.booking.booked_for) for s in plan.steps if s.booking},),
            *(plan.handed_over_to, plan.counters.fit_notes),
        )
        assert seen == (
            *(model.state, model.version, model.revision, model.confirmed_revision, model.held),
            *(model.proposal, model.coach, model.closed_on, model.started_on),
            *(set(model.steps), model.finished, model.attended, model.goals, model.evidence),
            *(model.barriers, model.adjustments),
            *({name: step["booking"] for name, step in model.steps.items() if "booking" in step},),
            *(model.handed_over, model.fit_notes),
        )
        assert plan.held == (plan.held_revision is not None)
        assert plan.coach is not None or plan.confirmed_revision is None

    def teardown(self) -> None:
        folded: Plan | None = None
        for event in self.desk.events:
            folded = evolve(folded, event)
        assert folded == self.desk.aggregate.state
        if folded is not None:
            assert Plan.model_validate_json(folded.model_dump_json()) == folded
        assert all(len(value) < 16 * 1024 for value in self.desk.bytes)
        replay_gives_the_same_bytes(self.desk)


def replay_gives_the_same_bytes(original: Desk) -> None:
    """Issue again what the events hold, read back from their bytes, in order; compare."""
    again = Desk()
    for cause, event, value in zip(original.causes, original.events, original.bytes, strict=True):
        data = PlanUpdated.model_validate_json(value)
        assert data.__pydantic_serializer__.to_json(data) == value
        read = replace(event, data=data)
        again.now = event.occurred_at
        again.apply(reissue(read, cause.id) if isinstance(cause, Command) else cause)
        assert again.events[-1].id == event.id
    assert again.bytes == original.bytes
    assert again.aggregate.state == original.aggregate.state


PlanHistories.TestCase.settings = settings(max_examples=2000, stateful_step_count=8, deadline=None)
TestPlanHistories = PlanHistories.TestCase
