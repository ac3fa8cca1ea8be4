"""What must hold inside a rule file, beyond its shape; safety first."""

from collections.abc import Iterable, Iterator
from typing import Any

from services.contracts.codes import SafetyLevel, Support
from services.programmes.vocabulary import Fault as ConditionFault
from services.programmes.vocabulary import Names
from services.triage.domain.cases import given_faults
from services.triage.domain.facts import FIELDS, PARAMETERS
from services.triage.domain.rules import Item, RuleSet

Found = tuple[tuple[Any, ...], str, str, str]
"""Path, code, message, what to do."""

_RULE_OF_LEVEL = {SafetyLevel.EMERGENCY: "R01", SafetyLevel.HOLD: "R02", SafetyLevel.URGENT: "R03"}
"""Fixed, so that a hold raised under one version is still a hold under the next."""

_STOPS_ALL = (SafetyLevel.EMERGENCY, SafetyLevel.HOLD)

_SEES_TO_IT = {
    SafetyLevel.EMERGENCY: Support.CRISIS,
    SafetyLevel.HOLD: Support.CRISIS,
    SafetyLevel.URGENT: Support.GP,
}
"""What a positive item must lead to, whatever else a file gives beside it."""


def rule_faults(rules: RuleSet) -> Iterator[Found]:
    """Yield all that is wrong with a rule file whose fields are well-formed."""
    yield from _red_flags(rules)
    yield from _ids(rules)
    yield from _needs(rules)
    yield from _scopes(rules)
    yield from _conditions(rules)
    yield from _suppression(rules)
    yield from _sequence(rules)
    yield from _cases(rules)


def _red_flags(rules: RuleSet) -> Iterator[Found]:
    levels = [rule.level for rule in rules.red_flags]
    for level in SafetyLevel:
        if levels.count(level) != 1:
            message = f"The level {level} has {levels.count(level)} red-flag rules; it needs exactly one."
            yield (("red_flags",), "red_flag_level", message, "A positive item must never pass unseen.")
    for index, rule in enumerate(rules.red_flags):
        if rule.id != _RULE_OF_LEVEL[rule.level]:
            message = f"The red-flag rule of the level {rule.level} is called {rule.id}."
            yield (("red_flags", index, "id"), "red_flag_id", message, f"Call it {_RULE_OF_LEVEL[rule.level]}.")
        if rule.level in _STOPS_ALL and rule.suppresses != "all":
            message = f"{rule.id} must stop all matching."
            yield (("red_flags", index, "suppresses"), "red_flag_stops_all", message, "Write suppresses: all.")
        if rule.level not in _STOPS_ALL and rule.suppresses == "all":
            message = f"{rule.id} cannot stop all matching: only emergency and hold do."
            yield (("red_flags", index, "suppresses"), "red_flag_stops_all", message, "Name the supports it stops.")
        if any(item.when is not None for item in rule.package):
            message = f"{rule.id} must give its package without a condition."
            yield (("red_flags", index, "package"), "red_flag_condition", message, "Remove when.")
        needed = _SEES_TO_IT[rule.level]
        if needed not in {item.support for item in rule.package}:
            message = f"{rule.id} must give {needed}."
            yield (("red_flags", index, "package"), "red_flag_package", message, f"Add {{support: {needed}}}.")
        if (
            rule.level is SafetyLevel.URGENT
            and rule.suppresses != "all"
            and Support.PHYSIOTHERAPY not in rule.suppresses
        ):
            message = f"{rule.id} must stop physiotherapy until somebody has cleared it."
            yield (("red_flags", index, "suppresses"), "red_flag_stops", message, "Name physiotherapy.")


def _ids(rules: RuleSet) -> Iterator[Found]:
    seen: set[str] = set()
    every: list[tuple[tuple[Any, ...], str]] = [
        *((("red_flags", index), rule.id) for index, rule in enumerate(rules.red_flags)),
        *((("rules", index), rule.id) for index, rule in enumerate(rules.rules)),
        (("fallback",), rules.fallback.id),
    ]
    for at, rule_id in every:
        if rule_id in seen:
            yield ((*at, "id"), "repeated", f"The rule id {rule_id} stands twice.", "Give each rule its own id.")
        seen.add(rule_id)


def _needs(rules: RuleSet) -> Iterator[Found]:
    used = {rule.need for rule in rules.rules}
    for index, rule in enumerate(rules.rules):
        if rule.need not in rules.needs:
            fix = f"Use one of: {', '.join(rules.needs)}; or give it a title under needs."
            yield (("rules", index, "need"), "unknown_need", f"There is no need {rule.need!r}.", fix)
    for need in rules.needs:
        if need not in used:
            yield (("needs", need), "unused_need", f"No rule answers the need {need}.", "Remove it.")


def _scopes(rules: RuleSet) -> Iterator[Found]:
    for index, rule in enumerate(rules.rules):
        if rule.starts is not None and rule.ends is not None and rule.ends < rule.starts:
            message = f"{rule.id} ends on {rule.ends}, before it begins on {rule.starts}."
            yield (("rules", index, "to"), "scope", message, "Exchange the two days, or remove one.")
        if len(set(rule.areas)) != len(rule.areas):
            yield (("rules", index, "areas"), "repeated", f"{rule.id} names an area twice.", "Keep one of the two.")


def _conditions(rules: RuleSet) -> Iterator[Found]:
    names = Names(FIELDS, rules.definitions, PARAMETERS)
    for name, condition in rules.definitions.items():
        yield from _at(("definitions", name), names.faults(condition, (name,)))
    for index, rule in enumerate(rules.rules):
        yield from _at(("rules", index, "when"), names.faults(rule.when))
        yield from _items(("rules", index, "package"), names, rule.package)
    yield from _at(("fallback", "when"), names.faults(rules.fallback.when))
    for index, reason in enumerate(rules.intensity.key_worker):
        yield from _at(("intensity", "key_worker", index, "when"), names.faults(reason.when))
    if any(item.when is not None for item in rules.fallback.package):
        message = "The fallback must give its package without a condition: a package is never empty."
        yield (("fallback", "package"), "fallback_condition", message, "Remove when.")


def _items(at: tuple[Any, ...], names: Names, items: Iterable[Item]) -> Iterator[Found]:
    for index, item in enumerate(items):
        if item.when is not None:
            yield from _at((*at, index, "when"), names.faults(item.when))


def _at(path: tuple[Any, ...], faults: Iterable[ConditionFault]) -> Iterator[Found]:
    for inner, message, fix in faults:
        yield ((*path, *inner), "condition", message, fix)


def _suppression(rules: RuleSet) -> Iterator[Found]:
    by_id = {rule.id: rule for rule in rules.rules}
    for index, rule in enumerate(rules.rules):
        for number, other in enumerate(rule.suppresses):
            path = ("rules", index, "suppresses", number)
            if other not in by_id:
                fix = "Only matching rules can be suppressed: no red flag, and not the fallback."
                yield (path, "unknown_rule", f"There is no matching rule {other}.", fix)
            elif rule.id in _reached(other, by_id):
                message = f"{rule.id} and {other} suppress one another."
                yield (path, "circle", message, "Let one of them stand above the other.")


def _reached(start: str, by_id: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        rule = by_id.get(ahead.pop())
        new = set(rule.suppresses) - found if rule is not None else set()
        found |= new
        ahead.extend(sorted(new))
    return found


def _sequence(rules: RuleSet) -> Iterator[Found]:
    earlier: set[Support] = set()
    for index, place in enumerate(rules.sequence):
        if place.support in earlier:
            yield (("sequence", index), "repeated", f"{place.support} stands twice.", "Keep one of the two.")
        for number, before in enumerate(place.after):
            if before not in earlier:
                message = f"{place.support} comes after {before}, which does not stand above it."
                yield (("sequence", index, "after", number), "sequence", message, "Put the earlier one first.")
        earlier.add(place.support)
    missing = [support.value for support in Support if support not in earlier]
    if missing:
        message = f"{', '.join(missing)} has no place in the sequence."
        yield (("sequence",), "sequence", message, "Every support needs a place.")


def _cases(rules: RuleSet) -> Iterator[Found]:
    known = {rule.id for rule in rules.every_rule()}
    titles: set[tuple[str, str]] = set()
    if rules.baseline is not None:
        for at, message, fix in given_faults(rules.baseline.given, rules.baseline.parameters):
            yield (("baseline", *at), "case", message, fix)
    for index, case in enumerate(rules.cases):
        for rule_id in (case.rule, *case.acknowledged, *(case.rules or ())):
            if rule_id not in known:
                yield (("cases", index), "case", f"There is no rule {rule_id}.", "Name a rule of this file.")
        if (case.rule, case.title) in titles:
            message = f"{case.rule} has two cases called {case.title!r}."
            yield (("cases", index, "title"), "repeated", message, "Give each case its own title.")
        titles.add((case.rule, case.title))
        for at, message, fix in given_faults(case.given, case.parameters):
            yield (("cases", index, *at), "case", message, fix)
    missing = [name for name in PARAMETERS if rules.baseline is None or name not in rules.baseline.parameters]
    if rules.cases and missing:
        message = f"The baseline sets no value for {', '.join(missing)}."
        yield (("cases",), "case", message, "Set it under baseline, parameters.")
