"""What people ask of the four services: referrals, answers, coaches' work; one number draws each act.

A story has rounds: in each, people ask for things, and then the topics are read until all is quiet; so a command
meets the same state whatever happened on the way.
"""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from services.coaching.domain.commands import Asked
from services.coaching.domain.plan import Plan
from services.coaching.domain.reissue import COMMAND_TYPE
from services.contracts.codes import ConsentKind
from services.contracts.safety_codes import SafetyAction
from services.intake.domain.consent import ChangeConsents, ConsentsChangedPosted
from services.intake.domain.correction import CORRECT, CorrectionPosted, CorrectReferral
from services.intake.domain.eligibility import (
    CONTEST,
    DECIDE,
    ContestEligibility,
    ContestPosted,
    DecideEligibility,
    DecisionPosted,
)
from services.intake.domain.posted import AssessmentAdded, WithdrawalPosted
from services.intake.domain.referral import ASSESS, CREATE, WITHDRAW, AddAssessment, CreateReferral
from services.intake.referrals.reading import read_referral, read_strictly
from services.kernel.ids import uuid7
from services.triage.domain.decide import ACKNOWLEDGE, Acknowledge
from tests.property import coaching_histories as histories
from tests.property.pipeline import World, services
from tests.unit.coaching.desk import COMMAND, NOW
from tests.unit.intake.referrals import put, referral

Reading = Callable[[World], None]

# a story is a few numbers that draw all of it: there is little to shrink, and each try costs a story or two
TOLD = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
ACT: Final = 10
"""More commands than one act gives."""
SEEDS = st.integers(0, 2**32 - 1)

POSTED: Final[tuple[dict[str, Any], ...]] = (
    referral(),
    referral(put("assessment", None)),
    referral(put("assessment.phq9.item9", 1)),
    referral(put("assessment.red_flags.fever", True)),
    referral(put("eligibility_facts.right_to_work", None)),
    referral(put("work", {**referral()["work"], "status": "unemployed", "attendance": None, "off_sick_since": None})),
)
"""Recommended, too little asked, held, urgent, for review, out of work."""

ASSESSED: Final[tuple[dict[str, Any], ...]] = (
    {"taken_on": "2024-11-25", "phq9": {"score": 17, "item9": 0}, "barriers": ["debt", "housing"]},
    {"taken_on": "2024-11-25", "phq9": {"score": 8, "item9": 2}},
    {"taken_on": "2024-11-26", "start_msk": {"score": 2}, "gad7": {"score": 12}},
)
CORRECTED: Final[tuple[dict[str, Any], ...]] = (
    {"eligibility_facts": {"right_to_work": None}},
    {"eligibility_facts": {"complex_needs": True}, "work": {"weekly_hours": 12}},
    {"person": {"birth_date": "2010-01-01", "postcode": "ls1 1aa", "registered_gp_ods": None}},
)

SAID_ON: Final = ("2024-11-18", "2024-11-25", "2024-12-01", "2025-01-06")
"""Days on which people speak of their consents."""


def person(number: int) -> str:
    """Return the pseudonym of person ``number`` of a story."""
    return uuid7(NOW, (2000 + number).to_bytes(10, "big"))


def post(world: World, number: int, kind: int) -> str:
    """Post one of :data:`POSTED` for person ``number``; returns the referral's id."""
    key = uuid7(NOW, (1000 + number).to_bytes(10, "big"))
    _, policy = services()["intake"]
    raw = json.dumps(POSTED[kind]).encode()
    posted = read_referral(raw, organisation_kind="nhs", policy=policy, now=world.clock())
    world.command("intake", CREATE, key, CreateReferral(
        posted=posted, person_id=person(number), linked_referral=None, organisation_id="P84001", organisation_kind="nhs"
    ))  # fmt: skip
    return key


def ask(world: World, key: str, chance: Random) -> None:
    """Somebody does something about a referral: mostly its coach, mostly something that is possible."""
    who = chance.choices(("coach", "nurse", "assessor", "referrer"), (12, 2, 2, 0.3))[0]
    match who:
        case "coach":
            _coach(world, key, chance)
        case "nurse":
            world.command("triage", ACKNOWLEDGE, key, Acknowledge(actions=(SafetyAction.PERSON_SAFE,)))
        case "assessor":
            posted = read_strictly(json.dumps({"assessment": chance.choice(ASSESSED)}).encode(), AssessmentAdded)
            world.command("intake", ASSESS, key, AddAssessment(posted=posted, organisation_kind="nhs"))
        case _:
            leaves = read_strictly(b'{"reason": "moved_away", "occurred_on": "2024-12-01"}', WithdrawalPosted)
            world.command("intake", WITHDRAW, key, leaves)


def decide_or_correct(world: World, key: str, chance: Random) -> None:
    """A decision, a contest or a correction: as likely as not one that is not asked for."""
    match chance.choice(("decide", "contest", "correct")):
        case "decide":
            outcome = chance.choice(("eligible", "not_eligible"))
            said = {"outcome": outcome, "reasons": ["other"], "alternatives": ["gp"]}
            decision = read_strictly(json.dumps(said).encode(), DecisionPosted)
            world.command("intake", DECIDE, key, DecideEligibility(posted=decision))
        case "contest":
            world.command("intake", CONTEST, key, ContestEligibility(posted=ContestPosted()))
        case _:
            wrong = chance.choice(CORRECTED)
            _, policy = services()["intake"]
            raw = json.dumps(POSTED[0]).encode()
            before = read_referral(raw, organisation_kind="nhs", policy=policy, now=world.clock())
            posted = read_strictly(json.dumps(wrong).encode(), CorrectionPosted)
            data = CorrectReferral(
                posted=posted, person=before.person, answers=before.eligibility_facts, organisation_kind="nhs"
            )
            world.command("intake", CORRECT, key, data)


def speak(world: World, key: str, chance: Random) -> None:
    """A person says something of their consents; intake's edge adds since when they take part. Few leave by it."""
    said = {
        kind.value: {"given": chance.random() < likely, "on": day, "channel": "phone"}
        for kind, likely, day in zip(
            ConsentKind, (0.95, 0.5, 0.5), (SAID_ON[0], *chance.sample(SAID_ON, 2)), strict=True
        )
        if chance.random() < 0.6
    }
    said = said or {"share_with_employer": {"given": True, "on": SAID_ON[0], "channel": None}}
    posted = read_strictly(json.dumps({"consents": said}).encode(), ConsentsChangedPosted)
    rows = [row for row in world.parts["intake"].tables["consent_fact"].values() if row[0] == key]
    given = [row[5] for row in rows if row[3] == ConsentKind.TAKE_PART and row[4]]
    data = ChangeConsents(posted=posted, organisation_kind="provider", takes_part_since=max(given, default=None))
    world.command("intake", data.command, key, data)


def _coach(world: World, key: str, chance: Random) -> None:
    plan = world.parts["coaching"].state(key)
    acts = _acts(plan, chance)
    if plan is not None and plan.facts and chance.random() < 0.1:
        acts.append(("corrected", {"refers_to": chance.choice(plan.facts).plan_version, "reason": "wrong_value"}))
    if chance.random() < 0.05:
        acts.append(("consent_changed", {"consent": "share_with_gp", "given": chance.random() < 0.5}))
    for kind, fields in acts:
        body = COMMAND.validate_python({"kind": kind, "occurred_on": histories.day(chance), **fields})
        world.command("coaching", COMMAND_TYPE, key, Asked(body, None))


def _acts(plan: Plan | None, chance: Random) -> list[tuple[str, dict[str, Any]]]:
    """Choose what a coach does next: twice in three what the plan's state asks for, else anything."""
    if plan is None or chance.random() < 0.33:
        [kind] = chance.choices(histories.KINDS, histories.WEIGHTS)
        fields = histories.FIELDS[kind](chance)
        return [(kind, {**fields, "revision": 1} if kind.startswith("recommendation") else fields)]

    def draw(kind: str) -> tuple[str, dict[str, Any]]:
        return kind, histories.FIELDS[kind](chance)

    first: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "proposed": [("recommendation_confirmed", {"revision": plan.plan.revision}), draw("session_recorded")],
        "confirmed": [draw("plan_agreed"), draw("session_recorded"), draw("work_status_changed")],
        "paused": [("resumed", {})],
        "closed": [draw("evidence_recorded")],
    }
    if plan.state.value in first:
        return first[plan.state.value]
    steps = [step.step_id for step in plan.plan.steps]
    if steps and chance.random() < 0.5:
        return [("step_started", {"step_id": steps[0]}), ("step_finished", {"step_id": steps[0]})]
    return [draw(kind) for kind in ("session_recorded", "review_completed", "session_recorded", "evidence_recorded")]


@dataclass(frozen=True)
class Story:
    """Whose referrals are posted, and in each round what is asked: (which referral, a number that draws it)."""

    people: tuple[int, ...]
    rounds: tuple[tuple[tuple[int, int], ...], ...]


STORIES = st.builds(
    Story,
    people=st.lists(st.integers(0, len(POSTED) - 1), min_size=1, max_size=3).map(tuple),
    rounds=st.lists(st.lists(st.tuples(st.integers(0, 2), SEEDS), max_size=6).map(tuple), max_size=5).map(tuple),
)


def told(story: Story, read: Reading, *, ticking: bool = False) -> World:
    """Let a story happen, reading the topics in that way. What one person asks never numbers what others ask."""
    world = World(ticking=ticking)
    keys = [post(world, number, kind) for number, kind in enumerate(story.people)]
    read(world)
    acts = itertools.count(1)
    for number, asked in enumerate(story.rounds, 1):
        world.round = number
        for which, seed in asked:
            world.step = ACT * next(acts)
            key = keys[which % len(keys)]
            ask(world, key, Random(seed))  # noqa: S311  repeatable
            if seed % 4 == 0:
                speak(world, key, Random(seed + 1))  # noqa: S311  repeatable
        read(world)
    return world


def long_story(seed: int) -> Story:
    """Everybody there is, over eight rounds: Hypothesis seeks short stories, these are full ones."""
    chance = Random(seed)  # noqa: S311  repeatable
    rounds = [[(n, chance.getrandbits(32)) for n in range(len(POSTED)) for _ in range(2)] for _ in range(8)]
    return Story(tuple(range(len(POSTED))), tuple(tuple(asked) for asked in rounds))
