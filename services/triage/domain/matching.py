"""The rule engine: facts in, a sequenced package with reasons out.

Compiled once for a rule set and an area's parameters, then asked for each person. It reads no clock and
draws nothing, so the same facts give the same answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from services.contracts.base import PolicyVersion
from services.contracts.codes import HoldCause, Intensity, SafetyLevel, Support, TriageOutcome, Urgency
from services.contracts.triage import PackageItem, Reason
from services.programmes.logic import Check, Facts, compile_condition
from services.triage.domain.rules import RedFlagRule, Rule, RuleSet

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
_NONE: Final[frozenset[Support]] = frozenset()

Given = tuple[Support, Intensity | None]


class Match(NamedTuple):
    """What the rules come to."""

    outcome: TriageOutcome
    urgency: Urgency
    cause: HoldCause | None
    package: tuple[PackageItem, ...]
    reasons: tuple[Reason, ...]
    alternatives: tuple[Support, ...]


@dataclass(frozen=True, slots=True)
class _Compiled:
    id: str
    check: Check
    given: tuple[Given, ...]
    conditional: tuple[tuple[Given, Check], ...]
    suppresses: tuple[str, ...]
    alternatives: tuple[Support, ...]
    reason: Reason


class Engine:
    """A rule set bound to the parameters of one programme version."""

    def __init__(self, rules: RuleSet, parameters: Mapping[str, Any]) -> None:
        self.rules = rules
        self.ruleset = PolicyVersion(id=rules.ruleset, version=rules.version, sha256=rules.sha256)
        self.rule_of_level: dict[SafetyLevel, str] = {rule.level: rule.id for rule in rules.red_flags}
        self._red_flags = rules.red_flags
        self._red_flag_reasons = {r.id: Reason(rule=r.id, code=r.code) for r in rules.red_flags}
        compiled = [_compile(rule, rules, parameters) for rule in rules.rules]
        self._in_file_order = tuple(compiled)
        self._suppressors_first = tuple(_suppressors_first(compiled))
        self._fallback = _compile(rules.fallback, rules, parameters)
        self._rank = {place.support: rank for rank, place in enumerate(rules.sequence)}
        self._after = {place.support: place.after for place in rules.sequence}
        self._packages: dict[tuple[Given, ...], tuple[PackageItem, ...]] = {}

    def match(self, facts: Facts, awaits: Sequence[str]) -> Match:
        """Return what the rules come to. ``awaits``: red-flag rules that nobody has acknowledged yet."""
        if not awaits:
            return self._matched(facts, (), (), _NONE, _ROUTINE)
        waiting = [rule for rule in self._red_flags if rule.id in awaits]
        given = tuple((item.support, item.intensity) for rule in waiting for item in rule.package)
        reasons = tuple(self._red_flag_reasons[rule.id] for rule in waiting)
        most = min((rule.level for rule in waiting), key=tuple(SafetyLevel).index)
        if any(rule.suppresses == "all" for rule in waiting):
            cause = next(_CAUSES[rule.level] for rule in _by_level(waiting) if rule.level in _CAUSES)
            return Match(_HELD, _URGENCY[most], cause, self._package(given), reasons, ())
        stopped = frozenset(s for rule in waiting if rule.suppresses != "all" for s in rule.suppresses)
        return self._matched(facts, given, reasons, stopped, _URGENCY[most])

    def _matched(
        self,
        facts: Facts,
        given: tuple[Given, ...],
        reasons: tuple[Reason, ...],
        stopped: frozenset[Support],
        urgency: Urgency,
    ) -> Match:
        fired: set[str] = set()
        suppressed: set[str] = set()
        for rule in self._suppressors_first:
            if rule.id not in suppressed and rule.check(facts):
                fired.add(rule.id)
                suppressed.update(rule.suppresses)
        found = list(given)
        why = list(reasons)
        others: list[Support] = []
        for rule in self._in_file_order:
            if rule.id in fired:
                _add(rule, facts, stopped, found, why, others)
        if not found or self._fallback.check(facts):
            _add(self._fallback, facts, _NONE, found, why, others)
        package = self._package(tuple(found))
        alternatives: tuple[Support, ...] = ()
        if others:
            out = {item.support for item in package} | stopped
            alternatives = tuple(sorted({s for s in others if s not in out}, key=self._rank.__getitem__))
        return Match(_RECOMMENDED, urgency, None, package, tuple(why), alternatives)

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
            for support in sorted(first, key=self._rank.__getitem__)
        )


def _add(
    rule: _Compiled,
    facts: Facts,
    stopped: frozenset[Support],
    found: list[Given],
    why: list[Reason],
    others: list[Support],
) -> None:
    """Take up what a fired rule gives; a rule whose supports are all stopped is no reason for anything."""
    items = rule.given
    if rule.conditional:
        items += tuple(given for given, check in rule.conditional if check(facts))
    if stopped:
        items = tuple(given for given in items if given[0] not in stopped)
    if items:
        found.extend(items)
        why.append(rule.reason)
        others.extend(rule.alternatives)


def _by_level(rules: Sequence[RedFlagRule]) -> list[RedFlagRule]:
    return sorted(rules, key=lambda rule: tuple(SafetyLevel).index(rule.level))


def _compile(rule: Rule, rules: RuleSet, parameters: Mapping[str, Any]) -> _Compiled:
    conditional = [
        ((item.support, item.intensity), compile_condition(item.when, rules.definitions, parameters))
        for item in rule.package
        if item.when is not None
    ]
    return _Compiled(
        id=rule.id,
        check=compile_condition(rule.when, rules.definitions, parameters),
        given=tuple((item.support, item.intensity) for item in rule.package if item.when is None),
        conditional=tuple(conditional),
        suppresses=rule.suppresses,
        alternatives=rule.alternatives,
        reason=Reason(rule=rule.id, code=rule.code),
    )


def _suppressors_first(rules: Sequence[_Compiled]) -> list[_Compiled]:
    """Order rules so that whatever suppresses a rule is asked before it (the checks refuse circles)."""
    left = list(rules)
    ordered: list[_Compiled] = []
    while left:
        free = next(r for r in left if not any(r.id in other.suppresses for other in left))
        left.remove(free)
        ordered.append(free)
    return ordered
