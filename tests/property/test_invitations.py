"""Laws of invitations and of employers' records, whatever is asked of them in whatever order."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.codes import Channel
from services.contracts.employer_codes import CharterCommitment, EmployerActivity, LegalForm
from services.contracts.invitation_codes import DeclineReason
from services.contracts.registry import EVENTS
from services.intake.domain.employer_asked import (
    CHANGE,
    REGISTER,
    CommandPosted,
    EmployerPosted,
    FactsPosted,
    RegisterEmployer,
)
from services.intake.domain.invitation_asked import (
    ACCEPT,
    DECLINE,
    IDENTIFY,
    INVITE,
    AcceptInvitation,
    DeclineInvitation,
    IdentifyPerson,
    InvitePerson,
)
from services.intake.service import build
from services.kernel.decision import Command, Event, Refused
from services.kernel.ids import time_of_uuid7, uuid7
from services.kernel.runtime.fold import encode, mint
from services.kernel.service import Service

KEY = "01933e1b-7f3a-7c11-8f5e-0242ac120101"
START = date(2024, 11, 18)
NOON = datetime(2025, 2, 1, 12, tzinfo=UTC)
MANY = settings(max_examples=150, deadline=None)
DAYS = st.integers(-3, 90).map(lambda days: START + timedelta(days=days))


@cache
def service() -> tuple[Service, Any]:
    found = build()
    return found, found.policy()


@dataclass
class Life:
    """One aggregate, as its table would hold it, and the events that made it."""

    state: Any = None
    events: tuple[Event, ...] = ()
    refused: tuple[Refused, ...] = ()

    def tell(self, nth: int, kind: str, data: Any) -> None:
        """Ask for something; whatever follows must read back as it was, and be asked again of its event."""
        found, policy = service()
        now = NOON + timedelta(seconds=nth)
        command = Command(uuid7(now, nth.to_bytes(10, "big")), kind, KEY, data, "coach-7")
        before = None if self.state is None else found.read_state(self.state.model_dump_json())
        assert before == self.state
        try:
            drafts = found.decide(before, command, policy=policy, now=now)
        except Refused as refused:
            self.refused += (refused,)
            return
        (event,) = mint(found, drafts, KEY, len(self.events), command.id, now)
        self._asked_again(event, command, before)
        read = EVENTS[event.type].model.model_validate_json(encode(event))
        assert read == event.data
        self.state = found.evolve(before, replace(event, data=read))
        self.events += (event,)

    def _asked_again(self, event: Event, command: Command, before: Any) -> None:
        found, policy = service()
        assert found.reissue is not None
        again = found.reissue(event, command.id)
        assert again is not None
        drafts = found.decide(before, again, policy=policy, now=time_of_uuid7(command.id))
        (same,) = mint(found, drafts, KEY, len(self.events), command.id, time_of_uuid7(command.id))
        assert (encode(same), same.policy, same.id) == (encode(event), event.policy, event.id)

    def folded(self) -> Any:
        """The fold of the events alone. Whatever was refused was refused with a code and a reason."""
        assert {refused.status for refused in self.refused} <= {404, 409, 422}
        assert all(reason.code and reason.message for refused in self.refused for reason in refused.reasons)
        state = None
        for event in self.events:
            state = service()[0].evolve(state, event)
        return state


def identify(on: date) -> tuple[str, Any]:
    data = IdentifyPerson(
        on=on,
        person_id="6f1c2f3e-0d5b-4a53-9f61-1d2f3a4b5c6d",
        programme="workwell-greater-manchester",
        locality="manchester",
        provider="growth-company",
        details=None,
    )
    return IDENTIFY, data


STEPS = st.one_of(
    DAYS.map(identify),
    st.tuples(st.just(INVITE), st.builds(InvitePerson, on=DAYS, channel=st.sampled_from(Channel))),
    st.tuples(st.just(ACCEPT), st.builds(AcceptInvitation, on=DAYS, referral_id=st.uuids(version=4).map(str))),
    st.tuples(st.just(DECLINE), st.builds(DeclineInvitation, on=DAYS, reason=st.sampled_from(DeclineReason))),
)
INVITES = st.tuples(st.just(INVITE), st.builds(InvitePerson, on=DAYS, channel=st.just(Channel.PHONE)))


@MANY
@given(st.lists(STEPS, max_size=8), st.lists(INVITES, max_size=2), st.lists(STEPS, max_size=8))
def test_an_invitation_is_answered_once_and_in_time(first: Any, invites: Any, rest: Any) -> None:
    life = Life()
    for nth, (kind, data) in enumerate([*first, identify(START), *invites, *rest]):
        life.tell(nth, kind, data)
    said = [event.data for event in life.events]
    assert life.folded() == life.state
    assert [one.change.kind for one in said].count("identified") == 1
    answers = [one for one in said if one.change.kind in {"accepted", "declined"}]
    assert len(answers) <= 1
    assert said[-1] in answers or not answers, "nothing comes after the answer"
    invited = [one for one in said if one.change.kind == "invited"]
    assert [one.change.number for one in invited] == list(range(1, len(invited) + 1))
    for one, following in pairwise(invited):
        assert following.occurred_on > one.respond_by, "nobody is asked again who has time left"
    for answer in answers:
        assert timedelta(0) <= answer.occurred_on - invited[-1].occurred_on <= timedelta(days=28)


def register(day: date) -> tuple[str, Any]:
    posted = EmployerPosted(facts=FactsPosted(legal_form=LegalForm.COMPANY), occurred_on=day)
    return REGISTER, RegisterEmployer(programme="working-well-in-work", posted=posted)


def changes(day: str) -> st.SearchStrategy[dict[str, Any]]:
    on, just = {"occurred_on": st.just(day)}, st.just
    commitment = st.sampled_from([one.value for one in CharterCommitment][:3])
    facts = st.fixed_dictionaries(
        {"legal_form": st.sampled_from(["company", "sole_trader", "charity"])},
        optional={"size": st.sampled_from(["micro", "large"])},
    )
    return st.one_of(
        st.fixed_dictionaries({"kind": just("described"), "facts": facts, **on}),
        st.fixed_dictionaries({"kind": just("named"), "name": st.none() | just("Example Ltd"), **on}),
        st.fixed_dictionaries({"kind": just("commitment_made"), "commitment": commitment, **on}),
        st.fixed_dictionaries({"kind": just("commitment_ended"), "commitment": commitment, **on}),
        st.fixed_dictionaries(
            {
                "kind": just("activity_recorded"),
                "activity": st.sampled_from([one.value for one in EmployerActivity]),
                "employees_reached": st.integers(0, 500),
                **on,
            }
        ),
        st.fixed_dictionaries(
            {"kind": just("activity_struck"), "number": st.integers(1, 4), "reason": just("wrong_facts"), **on}
        ),
        st.fixed_dictionaries({"kind": st.sampled_from(["left", "returned"]), **on}),
    )


@MANY
@given(st.lists(DAYS.map(str).flatmap(changes), max_size=14))
def test_an_employer_s_record_adds_up(asked: list[dict[str, Any]]) -> None:
    life = Life()
    life.tell(0, *register(START))
    for nth, body in enumerate(asked, 1):
        life.tell(nth, CHANGE, CommandPosted.model_validate_json(json.dumps(body)).root)
    assert life.folded() == life.state
    said = [event.data for event in life.events]
    done = [one.change.number for one in said if one.change.kind == "activity_recorded"]
    struck = [one.change.number for one in said if one.change.kind == "activity_struck"]
    assert done == list(range(1, len(done) + 1))
    assert len(set(struck)) == len(struck)
    assert set(struck) <= set(done)
    assert said[-1].activities == len(done) - len(struck)
    kept: set[str] = set()
    for one in said:
        if one.change.kind == "commitment_made":
            assert one.change.commitment not in kept
            kept.add(one.change.commitment)
        elif one.change.kind == "commitment_ended":
            kept.remove(one.change.commitment)
    assert set(said[-1].commitments) == kept
    assert (said[-1].state == "left") == (said[-1].left_on is not None)
    assert "Example Ltd" not in "".join(encode(event).decode() for event in life.events)
    named = life.state.named
    assert not (named and life.state.facts.legal_form in {"sole_trader", "partnership"})
