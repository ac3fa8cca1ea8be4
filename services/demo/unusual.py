"""What is not usual: a person referred twice, a referral that must be refused, danger, doubtful eligibility."""

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from services.demo import health
from services.demo.person import Kind, Person
from services.demo.usual import LAST_DAY, consents, sender_of


def again(rng: random.Random, person: Person, original: Person) -> Person:
    """The same person, a week or more later and by another referrer."""
    body = copy.deepcopy(person.body)
    on = min(original.referred_on + timedelta(days=rng.randint(7, 40)), LAST_DAY)
    body["person"] = copy.deepcopy(original.body["person"])
    body["referred_on"] = on.isoformat()
    body["consents"] = consents(rng, person.route, on)
    body["work"] = copy.deepcopy(original.body["work"])
    body["provider"]["chosen"] = None
    body["programme"], body["locality"] = original.area.programme, original.area.locality
    if body["assessment"]:
        body["assessment"] = health.outline(on, body["assessment"]["conditions"])
    sender = replace(person.sender, programme=original.area.programme)
    moved = replace(person, referred_on=on, area=original.area, sender=sender, body=body)
    return replace(moved, kind=Kind.DUPLICATE, duplicate_of=original.number)


def _wrong_number(body: dict[str, Any]) -> None:
    body["person"]["nhs_number"] = "9990000019"


def _no_consent(body: dict[str, Any]) -> None:
    body["consents"]["take_part"] = {"given": False}


def _future(body: dict[str, Any]) -> None:
    body["referred_on"] = "2099-01-01"


def _unknown_field(body: dict[str, Any]) -> None:
    body["favourite_colour"] = "green"


FAULTS: Final[dict[str, Callable[[dict[str, Any]], None]]] = {
    "nhs_number_check_digit": _wrong_number,
    "no_consent_to_take_part": _no_consent,
    "referred_in_the_future": _future,
    "unknown_field": _unknown_field,
}
"""What is wrong with an invalid referral."""


def invalid(person: Person, turn: int) -> Person:
    """One of the faults, in turn."""
    fault = list(FAULTS)[turn % len(FAULTS)]
    body = copy.deepcopy(person.body)
    FAULTS[fault](body)
    return replace(person, kind=Kind.INVALID, body=body, fault=fault)


def red_flag(rng: random.Random, person: Person, turn: int) -> Person:
    """One of the three levels, in turn: emergency, hold, urgent."""
    route = "gp" if person.route == "employer" else person.route
    sender, referrer = person.sender, dict[str, Any]()
    if route != person.route:
        sender, referrer = sender_of(rng, route, person.number, person.area)
    body = copy.deepcopy(person.body)
    body["route"] = route
    body["referrer"].update(referrer)
    level = ("emergency", "hold", "urgent")[turn % 3]
    named = ["anxiety_or_depression"] if level == "hold" else ["musculoskeletal", "back_pain"]
    barrier = "mental_health" if level == "hold" else "musculoskeletal"
    answers = health.answers(rng, barrier, person.referred_on, named)
    if level == "hold":
        answers["phq9"] = {"score": max(answers["phq9"]["score"], 10), "item9": 2}
    else:
        answers["red_flags"]["saddle_numbness" if level == "emergency" else "fever"] = True
    body["assessment"] = answers
    return replace(person, kind=Kind.RED_FLAG, route=route, barrier=barrier, sender=sender, body=body)


def for_review(person: Person) -> Person:
    """Somebody whose right to work was not asked: a person must decide."""
    body = copy.deepcopy(person.body)
    body["eligibility_facts"]["right_to_work"] = None
    return replace(person, kind=Kind.REVIEW, body=body)
