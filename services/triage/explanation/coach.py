"""The whole explanation, for staff: every rule with its facts, what won, what came second, what would change it."""

from services.contracts.codes import HoldCause, Intensity, SafetyLevel, Support, TriageOutcome, Urgency
from services.contracts.triage import Findings
from services.contracts.triage_codes import RunnerUpLoss
from services.kernel.sealing.content import ContentErased
from services.triage.domain.compiled import KEY_WORKER_SUPPORT, MANY_NEEDS, USUAL
from services.triage.domain.decide import LONDON
from services.triage.domain.trace import Change, FactRead, Given, Node, RuleKind, RuleTrace, Status, Trace
from services.triage.explanation.head import Head, Told, day_in_words, head, missing_in_words, taken_back
from services.triage.explanation.readers import CoachReader
from services.triage.explanation.sentences import statement
from services.triage.explanation.source import Missing, Source
from services.triage.explanation.telling import (
    Names,
    because,
    named,
    names_of,
    nothing_alone,
    runner_up,
    verdict,
    winner,
    would_change,
)
from services.triage.explanation.words import INTENSITIES, SUPPORTS, Voice, listed, supports_in_words

_ABOUT = Voice.ABOUT


class FactTold(FactRead):
    """A fact, and what it says."""

    said: str


class RuleTold(Told):
    """One rule. ``verdict``, ``because`` and ``change_said`` say in words what the other fields hold."""

    rule: str
    code: str
    title: str
    text: str
    kind: RuleKind
    need: str
    level: SafetyLevel | None
    status: Status
    by: tuple[str, ...]
    verdict: str
    because: tuple[str, ...]
    change_said: str
    facts: tuple[FactTold, ...]
    condition: Node | None
    gives: tuple[Given, ...]
    would_change: Change | None


class SecondTold(Told):
    """What came second for a need, and why it lost."""

    rule: str | None
    support: Support
    lost: RunnerUpLoss
    by: tuple[str, ...]
    said: str


class NeedTold(Told):
    """One need: what won, what else counts, what came second."""

    need: str
    title: str
    winner: str | None
    also: tuple[str, ...]
    said: str
    runner_up: SecondTold | None


class ItemTold(Told):
    """A support of the package, and the rules that gave it."""

    support: Support
    intensity: Intensity | None
    after: tuple[Support, ...]
    rules: tuple[str, ...]
    said: str


class CoachExplanation(Head):
    """A decision told whole. What was found is null for an erased person; rules are empty where ``missing`` says so."""

    outcome: TriageOutcome
    urgency: Urgency | None
    cause: HoldCause | None
    intensity: Intensity | None
    intensity_said: tuple[str, ...]
    package: tuple[ItemTold, ...]
    alternatives: tuple[Support, ...]
    needs: tuple[NeedTold, ...]
    rules: tuple[RuleTold, ...]


def coach_explanation(_: CoachReader, source: Source) -> CoachExplanation:
    """Tell a decision whole."""
    decision, trace = source.state.decision, source.trace
    names = {} if trace is None else names_of(trace)
    found = _findings(source)
    return CoachExplanation(
        **head(source, [*_summary(source, found), *missing_in_words(source), *_reasons(source, found)]),
        outcome=decision.outcome,
        urgency=None if found is None else found.urgency,
        cause=None if found is None else found.cause,
        intensity=None if found is None else found.intensity,
        intensity_said=tuple(_intensity(source)),
        package=tuple(_items(source, names)),
        alternatives=decision.alternatives,
        needs=() if trace is None else tuple(_needs(trace, names)),
        rules=() if trace is None else tuple(_rule(rule, names, _halted(trace)) for rule in trace.rules),
    )


def _findings(source: Source) -> Findings | None:
    if source.missing is Missing.ERASED:
        return None
    try:
        return source.state.decision.sealed.findings.content
    except ContentErased:
        return None


def _summary(source: Source, found: Findings | None) -> list[str]:
    decision = source.state.decision
    package = supports_in_words([item.support for item in decision.package])
    if source.state.withdrawn:
        return _withdrawn(source, package)
    said = {
        TriageOutcome.RECOMMENDED: f"Triage suggests {package}. A coach confirms or changes this.",
        TriageOutcome.HELD: "Triage has stopped. A named person must look first; until then nothing else is matched.",
        TriageOutcome.NOT_ELIGIBLE: (
            "A named person decided that the programme is not for this person. The rules alone never do that. "
            f"What could still help: {package}."
        ),
    }[decision.outcome]
    if found is not None and found.awaits and decision.outcome is not TriageOutcome.HELD:
        return [said, "A safety rule waits for a named person too."]
    return [said]


def _withdrawn(source: Source, package: str) -> list[str]:
    """Say first that nothing is expected any more, but for what still waits; then what had been decided."""
    waiting = [task.raised_at for task in source.state.tasks if task.done is None]
    expected = ["No action is expected."]
    if waiting:
        since = day_in_words(min(waiting).astimezone(LONDON).date())
        expected = [
            f"A safety task still waits, since {since}. A named person must look, and say what was done.",
            "No other action is expected.",
        ]
    before = {
        TriageOutcome.RECOMMENDED: f"Before that, triage had suggested {package}.",
        TriageOutcome.HELD: "Before that, triage had stopped for a named person to look.",
        TriageOutcome.NOT_ELIGIBLE: "Before that, a named person had decided against the programme for this person.",
    }[source.state.decision.outcome]
    return [*taken_back(source), *expected, before]


def _reasons(source: Source, found: Findings | None) -> list[str]:
    """Name the rules by their ids where they cannot be told: that much the decision itself holds."""
    if source.trace is not None or found is None:
        return []
    return [f"The rules that counted: {listed([f'{r.rule} ({r.code})' for r in found.reasons])}."]


def _intensity(source: Source) -> list[str]:
    trace = source.trace
    if trace is None:
        return []
    told = {
        KEY_WORKER_SUPPORT: "One of the supports has a key worker.",
        MANY_NEEDS: "Many needs come together.",
        USUAL: "This programme always has a key worker.",
        **source.key_worker,
    }
    expected = trace.intensity
    if expected.intensity is None:
        return ["How much support it will take is open until a named person has looked."]
    begins = f"Expected: {INTENSITIES[expected.intensity]}."
    return [begins, *(told[code] for code in expected.because)]


def _items(source: Source, names: Names) -> list[ItemTold]:
    gave = {} if source.trace is None else {given.item.support: given.rules for given in source.trace.package}
    told = []
    for item in source.state.decision.package:
        rules = gave.get(item.support, ())
        intensity = f" ({INTENSITIES[item.intensity]})" if item.intensity else ""
        after = f", after {supports_in_words(item.after)}" if item.after else ""
        why = f": {listed([named(rule, names) for rule in rules])}" if rules else ""
        what = SUPPORTS[item.support]
        said = f"{what[0].upper()}{what[1:]}{intensity}{after}{why}."
        told.append(ItemTold(**item.model_dump(), rules=rules, said=said))
    return told


def _needs(trace: Trace, names: Names) -> list[NeedTold]:
    told = []
    for need in trace.needs:
        second = need.runner_up
        told.append(
            NeedTold(
                need=need.need,
                title=need.title,
                winner=need.winner,
                also=need.also,
                said=winner(need, names, halted=_halted(trace)),
                runner_up=None
                if second is None
                else SecondTold(**second.model_dump(), said=runner_up(second, trace, _ABOUT)),
            )
        )
    return told


def _halted(trace: Trace) -> bool:
    return trace.intensity.intensity is None


def _rule(rule: RuleTrace, names: Names, halted: bool) -> RuleTold:
    alone = rule.would_change
    return RuleTold(
        **{name: getattr(rule, name) for name in _AS_TRACED},
        verdict=verdict(rule, names),
        because=tuple(because(rule, _ABOUT)),
        change_said=nothing_alone(rule, halted=halted) if alone is None else would_change(alone, _ABOUT),
        facts=tuple(FactTold(**fact.model_dump(), said=statement(fact, _ABOUT)) for fact in rule.facts),
    )


_AS_TRACED = (
    *("rule", "code", "title", "text", "kind", "need", "level", "status", "by"),
    *("condition", "gives", "would_change"),
)
