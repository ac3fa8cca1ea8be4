"""Rules compiled once, for a rule set and an area's parameters; both the decision and its trace ask these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from services.contracts.codes import Intensity, Support
from services.contracts.triage import PackageItem, Reason
from services.programmes.logic import Check, Facts, Truth, compile_condition
from services.triage.domain.rules import ExpectedIntensity, Fallback, Item, Rule, RuleSet, Scope

Given = tuple[Support, Intensity | None]

_KEY_WORKER: Final = Intensity.KEY_WORKER

KEY_WORKER_SUPPORT: Final = "key_worker_support"
MANY_NEEDS: Final = "many_needs"
USUAL: Final = "usual"
"""Why a key worker is expected, beside the reasons that a rule file names."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A matching rule. ``check`` is its condition within its scope; ``scope`` that scope alone (None: everywhere).

    ``supports`` are all that it can give.
    """

    id: str
    need: str
    check: Check
    scope: Check | None
    given: tuple[Given, ...]
    conditional: tuple[tuple[Given, Check], ...]
    suppresses: tuple[str, ...]
    alternatives: tuple[Support, ...]
    reason: Reason
    supports: tuple[Support, ...]

    def items(self, facts: Facts, stopped: Mapping[Support, str]) -> tuple[Given, ...]:
        """Return what it gives on these facts, without what a red flag stops."""
        items = self.given
        if self.conditional:
            items += tuple(given for given, check in self.conditional if check(facts))
        return tuple(given for given in items if given[0] not in stopped) if stopped else items


@dataclass(frozen=True, slots=True)
class CompiledFallback:
    """What is recommended when nothing else is, or when its own condition is true."""

    check: Check
    given: tuple[Given, ...]
    alternatives: tuple[Support, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class KeyWorker:
    """When a package is expected to take a key worker."""

    usual: bool
    needs_at_least: int
    reasons: tuple[tuple[str, Check], ...]

    def called_for(self, facts: Facts, package: Sequence[PackageItem], needs: int) -> bool:
        """Tell whether anything calls for one. ``needs``: how many needs the package answers."""
        if self.usual or needs >= self.needs_at_least:
            return True
        for item in package:
            if item.intensity is _KEY_WORKER:
                return True
        return any(check(facts) for _, check in self.reasons)

    def because(self, facts: Facts, package: Sequence[PackageItem], needs: int) -> tuple[str, ...]:
        """Return the codes of everything that calls for one."""
        given = [KEY_WORKER_SUPPORT] if any(item.intensity is _KEY_WORKER for item in package) else []
        many = [MANY_NEEDS] if needs >= self.needs_at_least else []
        usual = [USUAL] if self.usual else []
        return (*usual, *given, *many, *(code for code, check in self.reasons if check(facts)))


def compile_rules(
    rules: RuleSet, parameters: Mapping[str, Any]
) -> tuple[tuple[Compiled, ...], CompiledFallback, KeyWorker]:
    """Return the matching rules in the order of the file, the fallback and the reasons for a key worker."""
    compiled = tuple(_compile(rule, rules, parameters) for rule in rules.rules)
    return compiled, _fallback(rules.fallback, rules, parameters), _key_worker(rules.intensity, rules, parameters)


def _compile(rule: Rule, rules: RuleSet, parameters: Mapping[str, Any]) -> Compiled:
    check = compile_condition(rule.when, rules.definitions, parameters)
    scope = None if rule.everywhere else _in_scope(rule)
    return Compiled(
        id=rule.id,
        need=rule.need,
        check=check if scope is None else _within(scope, check),
        scope=scope,
        given=_unconditional(rule.package),
        conditional=tuple(
            ((item.support, item.intensity), compile_condition(item.when, rules.definitions, parameters))
            for item in rule.package
            if item.when is not None
        ),
        suppresses=rule.suppresses,
        alternatives=rule.alternatives,
        reason=Reason(rule=rule.id, code=rule.code),
        supports=tuple(item.support for item in sorted(rule.package, key=lambda item: item.when is not None)),
    )


def _unconditional(package: Sequence[Item]) -> tuple[Given, ...]:
    return tuple((item.support, item.intensity) for item in package if item.when is None)


def _fallback(rule: Fallback, rules: RuleSet, parameters: Mapping[str, Any]) -> CompiledFallback:
    check = compile_condition(rule.when, rules.definitions, parameters)
    reason = Reason(rule=rule.id, code=rule.code)
    return CompiledFallback(check, _unconditional(rule.package), rule.alternatives, reason)


def _key_worker(expected: ExpectedIntensity, rules: RuleSet, parameters: Mapping[str, Any]) -> KeyWorker:
    reasons = ((r.code, compile_condition(r.when, rules.definitions, parameters)) for r in expected.key_worker)
    return KeyWorker(expected.usual == "key_worker", expected.needs_at_least, tuple(reasons))


def _in_scope(rule: Scope) -> Check:
    areas = frozenset(rule.areas)
    starts, ends = rule.starts or date.min, rule.ends or date.max

    def in_scope(facts: Facts) -> Truth:
        day = facts.get("referred_on")
        if day is not None and not starts <= day <= ends:
            return False
        if not areas:
            return None if day is None else True
        area = facts.get("area_code")
        if area is not None and area not in areas:
            return False
        return None if area is None or day is None else True

    return in_scope


def _within(scope: Check, check: Check) -> Check:
    def within(facts: Facts) -> Truth:
        here = scope(facts)
        if here is False:
            return False
        truth = check(facts)
        return truth if here or truth is False else None

    return within


def suppressors_first(rules: Sequence[Compiled]) -> tuple[Compiled, ...]:
    """Order rules so that whatever suppresses a rule is asked before it (the checks refuse circles)."""
    left = list(rules)
    ordered: list[Compiled] = []
    while left:
        free = next(r for r in left if not any(r.id in other.suppresses for other in left))
        left.remove(free)
        ordered.append(free)
    return tuple(ordered)
