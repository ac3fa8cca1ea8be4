"""A coach's aggregate: what may be asked when, and that a replay of its commands gives the same events."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.coaching.domain.aggregates import again
from services.coaching.domain.caseload import asked
from services.coaching.domain.caseload.coach import Coach
from services.contracts import types
from services.contracts.coach import Absence, CoachProfile
from services.contracts.coach_codes import CoachState
from services.contracts.registry import EVENTS
from services.intake.service import build as intake
from services.kernel.decision import Command, Event, Refused
from services.kernel.ids import uuid7
from services.kernel.runtime.fold import Aggregate, Lineage, Output, apply
from services.outcomes.service import build as outcomes
from tests.unit.coaching.desk import SERVICE, policy

NOW = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)
TODAY = date(2025, 6, 2)
ME = "coach-7"
PROFILE = CoachProfile(capacity=2, languages=("en",), localities=(), offers=())
REGISTER = (asked.REGISTER, asked.RegisterCoach(programme="workwell", provider="growth-company", profile=PROFILE))
LEAVE = (asked.LEAVE, asked.Leave())


def on(days: int) -> date:
    return TODAY + timedelta(days=days)


def absent(first: int, last: int | None, cover: str | None = None, *, free: bool | None = None) -> tuple[str, Any]:
    absence = Absence(from_on=on(first), until_on=None if last is None else on(last), cover=cover)
    return asked.ABSENT, asked.RecordAbsence(absence=absence, cover_free=free)


def absence(first: int, last: int | None, cover: str | None = None, *, free: bool | None = None) -> tuple[str, Any]:
    return asked.ABSENCE, asked.ChangeAbsence(absence=absent(first, last, cover)[1].absence, cover_free=free)


def take(open_plans: int = 0, ceiling: int | None = None) -> tuple[str, Any]:
    plan = "01933e1b-7f3a-7c11-8f5e-0242ac120002"
    data = asked.TakePlan(referral_id=plan, previous=None, open_plans=open_plans, programme_ceiling=ceiling)
    return asked.TAKE, data


class Bench:
    """One coach, as the kernel's fold keeps it."""

    def __init__(self) -> None:
        self.aggregate = Aggregate(ME, 0, None)
        self.output = Output()
        self.log: list[tuple[Event, Command]] = []

    def ask(self, what: tuple[str, Any], now: datetime = NOW) -> Coach:
        cause = Command(uuid7(now), what[0], ME, what[1], "lead-1")
        lineage = Lineage(now, cause.id)
        for event in apply(SERVICE, policy(), self.aggregate, cause, now, lineage, self.output):
            self.log.append((event, cause))
        found = self.aggregate.state
        assert isinstance(found, Coach)
        return found


def refused(bench: Bench, what: tuple[str, Any]) -> tuple[int, list[str]]:
    before = bench.aggregate.state
    with pytest.raises(Refused) as refusal:
        bench.ask(what)
    assert bench.aggregate.state is before
    return refusal.value.status, [reason.code for reason in refusal.value.reasons]


@pytest.mark.parametrize(
    ("title", "before", "what", "status", "codes"),
    [
        (
            "nobody registered them: a profile",
            [],
            (asked.PROFILE, asked.ChangeProfile(profile=PROFILE)),
            404,
            ["coach_unknown"],
        ),
        ("nobody registered them: a plan", [], take(), 404, ["coach_unknown"]),
        ("registered twice", [REGISTER], REGISTER, 409, ["coach_exists"]),
        ("left: takes no plan", [REGISTER, LEAVE], take(), 409, ["coach_left"]),
        (
            "left while away, and came back: still away",
            [REGISTER, absent(0, None), LEAVE, REGISTER],
            take(),
            409,
            ["coach_absent"],
        ),
        ("left: is not absent", [REGISTER, LEAVE], absent(0, 1), 409, ["coach_left"]),
        ("full by their own capacity", [REGISTER], take(2), 409, ["caseload_full"]),
        ("over it", [REGISTER], take(3), 409, ["caseload_full"]),
        ("full by the programme's ceiling", [REGISTER], take(1, ceiling=1), 409, ["caseload_full"]),
        ("the higher of the two gives no place", [REGISTER], take(2, ceiling=9), 409, ["caseload_full"]),
        ("away from today", [REGISTER, absent(0, 5)], take(), 409, ["coach_absent"]),
        ("away until today", [REGISTER, absent(-5, 0)], take(), 409, ["coach_absent"]),
        ("away, open", [REGISTER, absent(-5, None)], take(), 409, ["coach_absent"]),
        ("ends before it begins", [REGISTER], absent(3, 2), 422, ["ends_before_it_begins"]),
        ("covers for themselves", [REGISTER], absent(0, 2, ME, free=True), 422, ["cover_is_self"]),
        ("the cover is away", [REGISTER], absent(0, 2, "coach-8", free=False), 409, ["cover_absent"]),
        ("shares its first day with another", [REGISTER, absent(0, 5)], absent(5, 9), 409, ["absence_overlaps"]),
        ("lies in an open one", [REGISTER, absent(0, None)], absent(900, 901), 409, ["absence_overlaps"]),
        (
            "all at once",
            [REGISTER, absent(0, 5)],
            absent(4, 3, ME, free=True),
            422,
            ["ends_before_it_begins", "cover_is_self"],
        ),
        ("changes one that is not there", [REGISTER, absent(0, 5)], absence(1, 5), 404, ["absence_unknown"]),
        ("changed into another", [REGISTER, absent(0, 5), absent(7, 9)], absence(0, 7), 409, ["absence_overlaps"]),
        ("ends two days before it begins", [REGISTER, absent(3, 5)], absence(3, 1), 422, ["ends_before_it_begins"]),
        (
            "one absence too many",
            [REGISTER, *(absent(n, n) for n in range(20))],
            absent(30, 30),
            409,
            ["too_many_absences"],
        ),
    ],
)
def test_what_is_refused(
    title: str, before: list[tuple[str, Any]], what: tuple[str, Any], status: int, codes: list[str]
) -> None:
    bench = Bench()
    for one in before:
        bench.ask(one)
    assert refused(bench, what) == (status, codes), title


@pytest.mark.parametrize(
    ("title", "before", "what"),
    [
        ("one place is left", [REGISTER], take(1)),
        ("and one under the programme's ceiling", [REGISTER], take(0, ceiling=1)),
        ("away until yesterday", [REGISTER, absent(-5, -1)], take()),
        ("away from tomorrow", [REGISTER, absent(1, 5)], take()),
        ("the day after another absence", [REGISTER, absent(0, 5)], absent(6, 9)),
        ("called off: the plan can be taken", [REGISTER, absent(0, 5), absence(0, -1)], take()),
        ("called off: the days are free again", [REGISTER, absent(3, 5), absence(3, 2)], absent(4, 4)),
        ("left and came back", [REGISTER, LEAVE, REGISTER], take()),
        ("left while away, came back, is there again", [REGISTER, absent(0, None), LEAVE, REGISTER], absence(0, -1)),
    ],
)
def test_what_is_allowed(title: str, before: list[tuple[str, Any]], what: tuple[str, Any]) -> None:
    bench = Bench()
    for one in before:
        bench.ask(one)
    state = bench.ask(what)
    assert (state.version, state.state) == (len(before) + 1, CoachState.WORKING), title


def test_a_lower_capacity_leaves_what_is_held() -> None:
    bench = Bench()
    bench.ask(REGISTER)
    bench.ask(take(1))
    none = PROFILE.model_copy(update={"capacity": 0})
    assert bench.ask((asked.PROFILE, asked.ChangeProfile(profile=none))).profile.capacity == 0
    assert refused(bench, take(0)) == (409, ["caseload_full"])


_ANY = st.one_of(
    st.just(REGISTER),
    st.just(LEAVE),
    st.builds(take, st.integers(0, 3), st.none() | st.integers(1, 3)),
    st.builds(absent, st.integers(-3, 6), st.none() | st.integers(-4, 9)),
    st.builds(absence, st.integers(-3, 6), st.none() | st.integers(-4, 9)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_ANY, max_size=20))
def test_the_commands_read_back_from_the_log_give_the_same_events(commands: list[tuple[str, Any]]) -> None:
    bench, replayed = Bench(), Bench()
    for number, what in enumerate(commands):
        try:
            bench.ask(what, NOW + timedelta(hours=number))
        except Refused:
            continue
    for event, cause in bench.log:
        then = event.occurred_at
        command = again(event, cause.id)
        apply(SERVICE, policy(), replayed.aggregate, command, then, Lineage(then, cause.id), replayed.output)
    assert replayed.output.outbox == bench.output.outbox, "ids, headers and values"
    assert replayed.aggregate.state == bench.aggregate.state


def test_nobody_else_handles_what_coaches_do() -> None:
    for service in (intake(), outcomes()):
        assert types.TOPIC_PLAN in service.inputs
        assert types.COACH_CHANGED not in service.handles
    assert EVENTS[types.COACH_CHANGED].topic == types.TOPIC_PLAN
    assert types.COACH_CHANGED not in SERVICE.handles, "driven by commands only"


def test_an_absence_that_was_called_off_or_is_over_leaves_the_state() -> None:
    bench = Bench()
    for what in (REGISTER, absent(-5, -1), absent(3, 5), absent(9, None)):
        bench.ask(what)
    assert [each.from_on for each in bench.ask(absence(3, 2)).absences] == [on(9)]
