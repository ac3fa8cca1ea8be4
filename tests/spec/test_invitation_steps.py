"""The provider route, step by step: in which state which command leads where, or is refused and how [design]."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from services.contracts import types
from services.contracts.codes import Channel
from services.contracts.invitation_codes import DeclineReason, InvitationState
from services.intake.domain import aggregates
from services.intake.domain.invitation import Invitation, Standing, standing
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
from services.intake.domain.policy import IntakePolicy
from services.intake.service import build
from services.kernel.decision import Command, Event, Refused
from services.kernel.runtime.fold import encode

KEY = "01933e1b-7f3a-7c11-8f5e-0242ac120101"
PERSON = "6f1c2f3e-0d5b-4a53-9f61-1d2f3a4b5c6d"
REFERRAL = "01933e1b-7f3a-7c11-8f5e-0242ac120002"
CAUSE = "01933e1b-7f3a-7c11-8f5e-0242ac120999"
START = date(2024, 11, 18)
NOW = datetime(2025, 2, 1, 12, tzinfo=UTC)


@cache
def policy() -> IntakePolicy:
    made: IntakePolicy = build().policy()
    return made


def asked(kind: str, day: int) -> Command:
    """A command whose fact is of so many days after the start."""
    on = START + timedelta(days=day)
    data: Any
    match kind:
        case "identify":
            data = IdentifyPerson(
                on=on,
                person_id=PERSON,
                programme="workwell-greater-manchester",
                locality="manchester",
                provider="growth-company",
                details=None,
            )
        case "invite":
            data = InvitePerson(on=on, channel=Channel.PHONE)
        case "accept":
            data = AcceptInvitation(on=on, referral_id=REFERRAL)
        case _:
            data = DeclineInvitation(on=on, reason=DeclineReason.NOT_NOW)
    names = {"identify": IDENTIFY, "invite": INVITE, "accept": ACCEPT, "decline": DECLINE}
    return Command(CAUSE, names[kind], KEY, data, "coach-7")


def told(state: Invitation | None, cause: Command) -> Event:
    (draft,) = aggregates.decide(state, cause, policy=policy(), now=NOW)
    return Event("e", draft.type, KEY, 1, draft.data, NOW, draft.policy)


def after(history: Sequence[tuple[str, int]]) -> Invitation | None:
    state: Invitation | None = None
    for kind, day in history:
        state = aggregates.evolve(state, told(state, asked(kind, day)))
    return state


NOTHING: tuple[tuple[str, int], ...] = ()
IDENTIFIED = (("identify", 0),)
INVITED = (*IDENTIFIED, ("invite", 2))
"""Answers until day 30."""
ACCEPTED = (*INVITED, ("accept", 10))
DECLINED = (*INVITED, ("decline", 10))


@dataclass(frozen=True)
class Step:
    """After ``history``, a command of a day: the state that follows, or the status and code of the refusal."""

    title: str
    history: tuple[tuple[str, int], ...]
    command: tuple[str, int]
    then: str


STEPS = [
    Step("a person is identified", NOTHING, ("identify", 0), "identified"),
    Step("nobody is invited before", NOTHING, ("invite", 0), "404 invitation_unknown"),
    Step("nor accepts", NOTHING, ("accept", 0), "404 invitation_unknown"),
    Step("nor declines", NOTHING, ("decline", 0), "404 invitation_unknown"),
    Step("one record, one person", IDENTIFIED, ("identify", 1), "409 invitation_exists"),
    Step("who is identified is invited", IDENTIFIED, ("invite", 0), "invited"),
    Step("whenever that is", IDENTIFIED, ("invite", 70), "invited"),
    Step("but not before", IDENTIFIED, ("invite", -1), "422 before_identified"),
    Step("nor in days to come", IDENTIFIED, ("invite", 90), "422 date_in_future"),
    Step("who was not asked cannot accept", IDENTIFIED, ("accept", 1), "409 not_invited"),
    Step("nor decline", IDENTIFIED, ("decline", 1), "409 not_invited"),
    Step("who is invited accepts", INVITED, ("accept", 10), "accepted"),
    Step("on the very day", INVITED, ("accept", 2), "accepted"),
    Step("not before they were asked", INVITED, ("accept", 1), "422 before_invited"),
    Step("on the 28th day after", INVITED, ("accept", 30), "accepted"),
    Step("on the 29th it is too late: invite again", INVITED, ("accept", 31), "409 invitation_expired"),
    Step("who is invited declines", INVITED, ("decline", 10), "declined"),
    Step("on the 28th day after", INVITED, ("decline", 30), "declined"),
    Step("on the 29th it is too late", INVITED, ("decline", 31), "409 invitation_expired"),
    Step("not before they were asked", INVITED, ("decline", 1), "422 before_invited"),
    Step("who has time left is not asked again", INVITED, ("invite", 30), "409 invitation_open"),
    Step("who let it pass is asked again", INVITED, ("invite", 31), "invited"),
    Step("and has 28 days more", (*INVITED, ("invite", 31)), ("accept", 59), "accepted"),
    Step("not 29", (*INVITED, ("invite", 31)), ("accept", 60), "409 invitation_expired"),
    Step(
        "the second invitation's answer is not older", (*INVITED, ("invite", 31)), ("accept", 30), "422 before_invited"
    ),
    Step("asked three times", (*INVITED, ("invite", 31)), ("invite", 60), "invited"),
    Step("who has accepted is referred: no second yes", ACCEPTED, ("accept", 11), "409 invitation_accepted"),
    Step("no no after the yes: withdraw the referral", ACCEPTED, ("decline", 11), "409 invitation_accepted"),
    Step("nor an invitation", ACCEPTED, ("invite", 40), "409 invitation_accepted"),
    Step("a no is a no", DECLINED, ("invite", 40), "409 invitation_declined"),
    Step("also for a yes: they can refer themselves", DECLINED, ("accept", 11), "409 invitation_declined"),
    Step("once", DECLINED, ("decline", 11), "409 invitation_declined"),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.title}: {step.command[0]} on day {step.command[1]}")
def test_steps(step: Step) -> None:
    assert outcome(after(step.history), asked(*step.command)) == step.then, step.title


def outcome(state: Invitation | None, cause: Command) -> str:
    """The state that follows, or the refusal."""
    try:
        event = told(state, cause)
    except Refused as refused:
        return f"{refused.status} {refused.reasons[0].code}"
    follows: InvitationState = aggregates.evolve(state, event).state
    return follows.value if follows == event.data.state else f"{follows} and not {event.data.state}"


def test_every_state_meets_every_command() -> None:
    met = {(getattr(after(step.history), "state", None), step.command[0]) for step in STEPS}
    for kind in ("invite", "accept", "decline"):
        assert {state for state, command in met if command == kind} == {None, *InvitationState}
    assert {state for state, command in met if command == "identify"} == {None, InvitationState.IDENTIFIED}


@pytest.mark.parametrize(
    ("title", "state", "respond_by", "day", "stands"),
    [
        ("identified never expires", InvitationState.IDENTIFIED, None, date(2030, 1, 1), Standing.IDENTIFIED),
        ("the last day", InvitationState.INVITED, START, START, Standing.INVITED),
        ("the day after", InvitationState.INVITED, START, START + timedelta(days=1), Standing.EXPIRED),
        ("a yes stays one", InvitationState.ACCEPTED, START, date(2030, 1, 1), Standing.ACCEPTED),
        ("a no stays one", InvitationState.DECLINED, START, date(2030, 1, 1), Standing.DECLINED),
    ],
)
def test_expired_is_seen_from_the_day(
    title: str, state: InvitationState, respond_by: date | None, day: date, stands: Standing
) -> None:
    assert standing(state, respond_by, day) is stands, title


@pytest.mark.parametrize(
    ("title", "fields", "refused"),
    [
        ("an unknown programme", {"programme": "nowhere"}, ("programme_unknown", "/programme")),
        ("an unknown locality", {"locality": "nowhere"}, ("locality_unknown", "/locality")),
        ("a provider that is not there", {"provider": "somebody"}, ("provider_not_offered", "/locality")),
        ("a provider before its first day", {"provider": "alchemy-arts"}, ("provider_not_offered", "/locality")),
        ("before the programme began", {"on": date(2024, 9, 30)}, ("programme_not_open", "/programme")),
        ("in days to come", {"on": date(2025, 2, 2)}, ("date_in_future", "/on")),
    ],
)
def test_who_may_identify_where_and_when(title: str, fields: dict[str, Any], refused: tuple[str, str]) -> None:
    cause = asked("identify", 0)
    data = cause.data.model_copy(update=fields)
    with pytest.raises(Refused) as caught:
        aggregates.decide(None, Command(CAUSE, IDENTIFY, KEY, data, "coach-7"), policy=policy(), now=NOW)
    assert caught.value.status == 422
    assert refused in {(reason.code, reason.pointer) for reason in caught.value.reasons}, title


def test_every_step_is_asked_again_of_its_event() -> None:
    """A replay gets the same bytes, although no event holds anything of the person's details."""
    state: Invitation | None = None
    for kind, day in (*INVITED, ("invite", 31), ("accept", 40)):
        event = told(state, asked(kind, day))
        command = aggregates.reissue(event, CAUSE)
        assert command is not None
        assert (command.type, command.actor) == (asked(kind, day).type, "coach-7")
        again = told(state, command)
        assert (encode(again), again.policy) == (encode(event), event.policy)
        state = aggregates.evolve(state, event)


def test_an_event_that_cannot_have_come_is_seen() -> None:
    for history, kind, day in ((NOTHING, "accept", 0), (IDENTIFIED, "accept", 1), (INVITED, "accept", 31)):
        legal = after(INVITED)
        event = told(legal, asked(kind, 10))
        late = event.data.model_copy(update={"occurred_on": START + timedelta(days=day)})
        with pytest.raises(ValueError, match="accepted"):
            aggregates.evolve(after(history), Event("e", types.INVITATION_UPDATED, KEY, 1, late, NOW))
    with pytest.raises(ValueError, match="twice"):
        aggregates.evolve(after(IDENTIFIED), told(None, asked("identify", 0)))


def test_another_kind_of_aggregate_is_unknown_to_a_command() -> None:
    cause = asked("invite", 1)
    other = Command(CAUSE, "referral.withdraw", KEY, cause.data, "coach-7")
    with pytest.raises(Refused) as caught:
        aggregates.decide(after(IDENTIFIED), other, policy=policy(), now=NOW)
    assert (caught.value.status, caught.value.reasons[0].code) == (404, "referral_unknown")
