"""An explanation as lines of text: a heading, then what stands under it."""

from collections.abc import Iterable, Iterator
from typing import assert_never

from services.triage.explanation.coach import CoachExplanation, NeedTold, RuleTold
from services.triage.explanation.participant import ParticipantExplanation
from services.triage.explanation.referrer import ReferrerExplanation
from services.triage.explanation.tell import Explanation

Section = tuple[str, tuple[str, ...]]


def sections(told: Explanation) -> Iterator[Section]:
    """Yield the parts of an explanation that hold anything."""
    rules = told.ruleset
    yield f"Referral {told.referral_id}, revision {told.revision}, decided on {told.decided_on}", told.summary
    match told:
        case CoachExplanation():
            parts = _coach(told)
        case ReferrerExplanation():
            parts = _referrer(told)
        case ParticipantExplanation():
            parts = _participant(told)
        case _:
            assert_never(told)
    yield from ((title, lines) for title, lines in parts if lines)
    yield "Rules", (f"{rules.id}, version {rules.version}, SHA-256 {rules.sha256}",)


def _coach(told: CoachExplanation) -> Iterable[Section]:
    found = [f"Urgency: {told.urgency}"] if told.urgency else []
    found += [f"Cause of the hold: {told.cause}"] if told.cause else []
    yield "What was found", (*found, *told.intensity_said)
    yield "What is recommended, first things first", tuple(item.said for item in told.package)
    yield "Needs", tuple(line for need in told.needs for line in _need(need))
    yield "Every rule", tuple(line for rule in told.rules for line in _rule(rule))


def _need(need: NeedTold) -> Iterator[str]:
    yield need.said
    if need.runner_up is not None:
        yield f"  {need.runner_up.said}"


def _rule(rule: RuleTold) -> Iterator[str]:
    yield f"{rule.rule} {rule.title}: {rule.verdict}"
    yield from (f"  {line}" for line in rule.because)
    yield f"  {rule.change_said}"


def _referrer(told: ReferrerExplanation) -> Iterable[Section]:
    fits = {True: "fits", False: "does not fit", None: "nobody can tell yet"}
    lines = [
        (f"{rule.rule} {rule.title}: {fits[rule.fits]}.", *(f"  {line}" for line in rule.because))
        for rule in told.rules
    ]
    yield "Rules that ask nothing about health", tuple(line for rule in lines for line in rule)


def _participant(told: ParticipantExplanation) -> Iterable[Section]:
    yield "Before anything else", told.safety
    suggested = ((item.said, *(f"  {line}" for line in item.because)) for item in told.suggestions)
    yield "What may help you, and why", tuple(line for item in suggested for line in item)
    yield "What we do not know yet. It may change what we suggest", told.not_asked
    yield "Your choice", told.choice
