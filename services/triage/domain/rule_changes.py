"""What two versions of a rule file differ in, before anybody is decided by them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.programmes.conditions import All, AnyOf, Condition, Defined, Not, Undecided
from services.triage.domain.rules import Fallback, RedFlagRule, Rule, RuleSet

_BESIDE: Final = ("needs", "sequence", "intensity")
"""What stands beside the rules and bears on what they give."""


def rules_changed(old: RuleSet, new: RuleSet) -> dict[str, list[str]]:
    """Return what differs: each rule with its parts, a definition also under the rules that use it, what stands beside.

    Titles and texts are parts; cases are not: they decide nothing.
    """
    found: dict[str, list[str]] = {}
    definitions = _parts(_plain(old)["definitions"], _plain(new)["definitions"])
    before, after = ({rule.id: rule for rule in rules.every_rule()} for rules in (old, new))
    for rule_id in dict.fromkeys((*before, *after)):
        one, other = before.get(rule_id), after.get(rule_id)
        if one is None or other is None:
            found[rule_id] = ["added" if one is None else "removed"]
            continue
        parts = _parts(_plain(one), _plain(other))
        used = set() if isinstance(other, RedFlagRule) else set(_used(other, new))
        parts += [f"definition {name}" for name in definitions if name in used]
        if parts:
            found[rule_id] = parts
    for name in _BESIDE:
        if getattr(old, name) != getattr(new, name):
            found[name] = ["changed"]
    asked = {name for reason in new.intensity.key_worker for name in _definitions(reason.when, new)}
    if parts := [f"definition {name}" for name in definitions if name in asked]:
        found["intensity"] = [*found.get("intensity", ()), *parts]
    kept = [[rule.id for rule in rules.rules if rule.id in before.keys() & after.keys()] for rules in (old, new)]
    if kept[0] != kept[1]:
        found["order of the rules"] = ["changed"]
    return found


def _plain(model: Any) -> dict[str, Any]:
    plain: dict[str, Any] = model.model_dump(mode="json")
    return plain


def _parts(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [name for name in dict.fromkeys((*one, *other)) if one.get(name) != other.get(name)]


def _used(rule: Rule | Fallback, rules: RuleSet) -> Iterator[str]:
    for condition in (rule.when, *(item.when for item in rule.package if item.when is not None)):
        yield from _definitions(condition, rules)


def _definitions(condition: Condition, rules: RuleSet) -> Iterator[str]:
    """Yield the definitions that a condition uses, those inside them included."""
    match condition:
        case All(all=parts) | AnyOf(any=parts):
            for part in parts:
                yield from _definitions(part, rules)
        case Not(condition=inner) | Undecided(undecided=inner):
            yield from _definitions(inner, rules)
        case Defined(definition=name):
            yield name
            yield from _definitions(rules.definitions[name], rules)
