"""The opening of a story: the referral is taken up, the person reached, the recommendation confirmed."""

from enum import StrEnum
from typing import Final

from services.demo import distributions as spread
from services.demo import health
from services.demo.act import Act, Target, after, rng_of
from services.demo.choice import Package, decision
from services.demo.person import Person

MISSED_CALL_PERCENT: Final = 30


class Story(StrEnum):
    """How a person's time in the programme goes."""

    NEVER_REACHED = "never_reached"
    DECLINES = "declines"
    STARTS = "starts"


def story_of(person: Person, seed: int) -> Story:
    """Whether the person starts: about three in four do (Work and Health Programme)."""
    rng = rng_of(seed, person.number, "story")
    if spread.happens(rng, spread.START_PERCENT):
        return Story.STARTS
    return rng.choice((Story.NEVER_REACHED, Story.DECLINES))


def opening(person: Person, seed: int, package: Package, revision: int = 1) -> list[Act]:
    """Everything up to the first decision on ``package``, which triage recommends in ``revision``.

    Somebody who starts and was referred without scores is assessed jointly: triage then decides again, and
    the coach confirms its second revision in the course.
    """
    rng = rng_of(seed, person.number, "opening")
    story = story_of(person, seed)
    taken_up = after(person.referred_on, rng.choice((0, 1, 1, 2)))
    acts = [Act(taken_up, "acknowledged")]
    called = after(taken_up, rng.randint(0, 3))
    if story is not Story.STARTS or spread.happens(rng, MISSED_CALL_PERCENT):
        acts.append(Act(called, "contacted", {"channel": "phone", "reached": story is Story.DECLINES}))
        called = after(called, rng.randint(1, 4))
    match story:
        case Story.NEVER_REACHED:
            acts.append(Act(called, "contacted", {"channel": "letter", "reached": False}))
            acts.append(Act(after(called, 21), "closed", {"closure": "50"}))
        case Story.DECLINES:
            reason = rng.choice(("changed_mind", "other_support", "no_longer_needed"))
            acts.append(Act(called, "withdrawn", {"reason": reason}))
        case Story.STARTS:
            acts.append(Act(called, "contacted", {"channel": "phone", "reached": True}))
            if needs_joint_assessment(person):
                acts += _joint_assessment(person, seed, Act(called, "recommendation_confirmed", {"revision": revision}))
            else:
                acts.append(decision(person, seed, revision, package, called))
    return acts


def needs_joint_assessment(person: Person) -> bool:
    """Whether the referral came without scores."""
    return not person.scored


def _joint_assessment(person: Person, seed: int, confirmed: Act) -> list[Act]:
    rng = rng_of(seed, person.number, "assessment")
    on = after(confirmed.on, rng.randint(1, 6))
    known = person.body["assessment"]
    named = known["conditions"] if known else health.conditions(rng, person.barrier)
    answers = health.answers(rng, person.barrier, on, named)
    return [
        confirmed,
        Act(on, "assessed", {"channel": "in_person"}),
        Act(on, "joint_assessment", answers, Target.ASSESSMENT),
    ]
