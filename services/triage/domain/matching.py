"""The rule engine: facts in, a sequenced package with reasons out.

Compiled once for a rule set and an area's parameters, then asked for each person. It reads no clock and
draws nothing, so the same facts give the same answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.contracts.base import PolicyVersion
from services.contracts.codes import HoldCause, Intensity, SafetyLevel, Support, TriageOutcome, Urgency
from services.contracts.triage import PackageItem, Reason, RunnerUp
from services.programmes.logic import Facts
from services.triage.domain.compiled import Compiled, Given, compile_rules, suppressors_first
from services.triage.domain.rules import RedFlagRule, RuleSet
from services.triage.domain.runners_up import RunnersUp

_CAUSES: Final = {
    SafetyLevel.EMERGENCY: HoldCause.EMERGENCY_RED_FLAG,
    SafetyLevel.HOLD: HoldCause.SELF_HARM_RISK,
}
_URGENCY: Final = {level: Urgency(level.value) for level in SafetyLevel}
# Bound once: looking up a member of an enumeration costs a descriptor call each time.
_HELD: Final = TriageOutcome.HELD
_RECOMMENDED: Final = TriageOutcome.RECOMMENDED
_ROUTINE: Final = Urgency.ROUTINE
_MAX_PACKAGES: Final = 4096
_KEY_WORKER: Final = Intensity.KEY_WORKER
_LIGHT_TOUCH: Final = Intensity.LIGHT_TOUCH


class Match(NamedTuple):
    """What the rules come to."""

    outcome: TriageOutcome
    urgency: Urgency
    cause: HoldCause | None
    package: tuple[PackageItem, ...]
    reasons: tuple[Reason, ...]
    alternatives: tuple[Support, ...]
    intensity: Intensity | None
    runners_up: tuple[RunnerUp, ...]


class Engine:
    """A rule set bound to the parameters of one programme version."""

    def __init__(self, rules: RuleSet, parameters: Mapping[str, Any]) -> None:
        self.rules = rules
        self.parameters = parameters
        self.ruleset = PolicyVersion(id=rules.ruleset, version=rules.version, sha256=rules.sha256)
        self.rule_of_level: dict[SafetyLevel, str] = {rule.level: rule.id for rule in rules.red_flags}
        self.in_file_order, self.fallback, self.key_worker = compile_rules(rules, parameters)
        self.suppressors_first = suppressors_first(self.in_file_order)
        self.rank = {place.support: rank for rank, place in enumerate(rules.sequence)}
        self._red_flag_reasons = {r.id: Reason(rule=r.id, code=r.code) for r in rules.red_flags}
        self._after = {place.support: place.after for place in rules.sequence}
        self._packages: dict[tuple[Given, ...], tuple[PackageItem, ...]] = {}
        self._runners_up = RunnersUp(self.in_file_order)

    def match(self, facts: Facts, awaits: Sequence[str]) -> Match:
        """Return what the rules come to. ``awaits``: red-flag rules that nobody has acknowledged yet."""
        if not awaits:
            return self._matched(facts, (), (), {}, _ROUTINE)
        waiting = self.waiting(awaits)
        given = tuple((item.support, item.intensity) for rule in waiting for item in rule.package)
        reasons = tuple(self._red_flag_reasons[rule.id] for rule in waiting)
        most = min((rule.level for rule in waiting), key=tuple(SafetyLevel).index)
        if any(rule.suppresses == "all" for rule in waiting):
            cause = next(_CAUSES[rule.level] for rule in _by_level(waiting) if rule.level in _CAUSES)
            return Match(_HELD, _URGENCY[most], cause, self._package(given), reasons, (), None, ())
        return self._matched(facts, given, reasons, stopped_by(waiting), _URGENCY[most])

    def waiting(self, awaits: Sequence[str]) -> list[RedFlagRule]:
        """Return the red-flag rules that await a person."""
        return [rule for rule in self.rules.red_flags if rule.id in awaits]

    def asked(self, facts: Facts) -> tuple[set[str], set[str], list[Compiled]]:
        """Return the rules that are true and not suppressed, those that they suppress, and those not known."""
        fired: set[str] = set()
        suppressed: set[str] = set()
        unknown: list[Compiled] = []
        for rule in self.suppressors_first:
            if rule.id not in suppressed:
                truth = rule.check(facts)
                if truth:
                    fired.add(rule.id)
                    suppressed.update(rule.suppresses)
                elif truth is None:
                    unknown.append(rule)
        return fired, suppressed, unknown

    def _matched(
        self,
        facts: Facts,
        given: tuple[Given, ...],
        reasons: tuple[Reason, ...],
        stopped: Mapping[Support, str],
        urgency: Urgency,
    ) -> Match:
        fired, suppressed, unknown = self.asked(facts)
        found = list(given)
        why = list(reasons)
        others: list[Support] = []
        won: dict[str, list[Compiled]] = {}
        halted: list[Compiled] = []
        for rule in self.in_file_order:
            if rule.id in fired:
                items = rule.items(facts, stopped)
                if items:
                    found.extend(items)
                    why.append(rule.reason)
                    others.extend(rule.alternatives)
                    won.setdefault(rule.need, []).append(rule)
                elif stopped and rule.items(facts, {}):
                    halted.append(rule)
        if not found or self.fallback.check(facts):
            found.extend(self.fallback.given)
            why.append(self.fallback.reason)
            others.extend(self.fallback.alternatives)
        package = self._package(tuple(found))
        alternatives: tuple[Support, ...] = ()
        if others:
            out = {item.support for item in package} | stopped.keys()
            alternatives = tuple(sorted({s for s in others if s not in out}, key=self.rank.__getitem__))
        seconds = self._runners_up.of(facts, won, fired, suppressed, unknown, halted, stopped)
        intensity = _KEY_WORKER if self.key_worker.called_for(facts, package, len(won)) else _LIGHT_TOUCH
        return Match(_RECOMMENDED, urgency, None, package, tuple(why), alternatives, intensity, seconds)

    def _package(self, given: tuple[Given, ...]) -> tuple[PackageItem, ...]:
        known = self._packages.get(given)
        if known is None:
            known = self._ordered(given)
            if len(self._packages) < _MAX_PACKAGES:
                self._packages[given] = known
        return known

    def _ordered(self, given: tuple[Given, ...]) -> tuple[PackageItem, ...]:
        first: dict[Support, Intensity | None] = {}
        for support, intensity in given:
            first.setdefault(support, intensity)
        return tuple(
            PackageItem(
                support=support,
                intensity=first[support],
                after=tuple(before for before in self._after[support] if before in first),
            )
            for support in sorted(first, key=self.rank.__getitem__)
        )


def stopped_by(waiting: Sequence[RedFlagRule]) -> dict[Support, str]:
    """Return the supports that red flags stop, each with the rule that does."""
    return {s: rule.id for rule in waiting if rule.suppresses != "all" for s in rule.suppresses}


def _by_level(rules: Sequence[RedFlagRule]) -> list[RedFlagRule]:
    return sorted(rules, key=lambda rule: tuple(SafetyLevel).index(rule.level))
