"""Three-valued logic: conditions compiled once to closures, then asked for each person.

Facts are a mapping from field name to value; None, or no entry, is *unknown* (the question was not asked).
"""

from collections.abc import Callable, Mapping
from typing import Any

from services.programmes.conditions import (
    All,
    AnyOf,
    Condition,
    Defined,
    Not,
    Operator,
    Parameter,
    Test,
    Undecided,
)

Truth = bool | None
"""True, False, or None: unknown."""

Facts = Mapping[str, Any]
Check = Callable[[Facts], Truth]
Parameters = Mapping[str, Any]
Definitions = Mapping[str, Condition]


def compile_condition(condition: Condition, definitions: Definitions, parameters: Parameters) -> Check:
    """Return a function that tells whether ``condition`` holds for facts.

    The condition must have passed :func:`services.programmes.vocabulary.faults`; else KeyError (an
    unknown name) or RecursionError (definitions in a circle).
    """
    match condition:
        case All(all=parts):
            return _all(tuple(compile_condition(part, definitions, parameters) for part in parts))
        case AnyOf(any=parts):
            return _any(tuple(compile_condition(part, definitions, parameters) for part in parts))
        case Not(condition=inner):
            return _not(compile_condition(inner, definitions, parameters))
        case Undecided(undecided=inner):
            return _undecided(compile_condition(inner, definitions, parameters))
        case Defined(definition=name):
            return compile_condition(definitions[name], definitions, parameters)
        case Test():
            return _test(condition, parameters)


def _all(checks: tuple[Check, ...]) -> Check:
    if len(checks) == 1:
        return checks[0]
    if len(checks) == 2:  # noqa: PLR2004  most are pairs, and a pair without a loop takes half the time
        return _both(*checks)

    def every(facts: Facts) -> Truth:
        answer: Truth = True
        for check in checks:
            truth = check(facts)
            if truth is False:
                return False
            if truth is None:
                answer = None
        return answer

    return every


def _both(one: Check, two: Check) -> Check:
    def both(facts: Facts) -> Truth:
        first = one(facts)
        if first is False:
            return False
        second = two(facts)
        return second if first or second is False else None

    return both


def _either(one: Check, two: Check) -> Check:
    def either(facts: Facts) -> Truth:
        first = one(facts)
        if first:
            return True
        second = two(facts)
        return second if first is False or second else None

    return either


def _any(checks: tuple[Check, ...]) -> Check:
    if len(checks) == 1:
        return checks[0]
    if len(checks) == 2:  # noqa: PLR2004  as above
        return _either(*checks)

    def some(facts: Facts) -> Truth:
        answer: Truth = False
        for check in checks:
            truth = check(facts)
            if truth:
                return True
            if truth is None:
                answer = None
        return answer

    return some


def _not(check: Check) -> Check:
    def opposite(facts: Facts) -> Truth:
        truth = check(facts)
        return None if truth is None else not truth

    return opposite


def _undecided(check: Check) -> Check:
    return lambda facts: check(facts) is None


def _test(test: Test, parameters: Parameters) -> Check:
    value = parameters[test.value.parameter] if isinstance(test.value, Parameter) else test.value
    if test.parameter is not None:
        constant = _comparison(test.operator, "it", value)({"it": parameters[test.parameter]})
        return lambda _: constant
    assert test.field is not None  # noqa: S101  Test refuses itself without a subject
    return _comparison(test.operator, test.field, value)


def _comparison(operator: Operator, field: str, value: Any) -> Check:  # noqa: PLR0911  one line an operator
    match operator:
        case Operator.AT_LEAST:
            return lambda facts: None if (v := facts.get(field)) is None else v >= value
        case Operator.AT_MOST:
            return lambda facts: None if (v := facts.get(field)) is None else v <= value
        case Operator.ABOVE:
            return lambda facts: None if (v := facts.get(field)) is None else v > value
        case Operator.BELOW:
            return lambda facts: None if (v := facts.get(field)) is None else v < value
        case Operator.EQUALS | Operator.IS:
            return lambda facts: None if (v := facts.get(field)) is None else v == value
        case Operator.IN:
            among = frozenset(value)
            return lambda facts: None if (v := facts.get(field)) is None else v in among
        case Operator.INCLUDES:
            return lambda facts: None if (v := facts.get(field)) is None else value in v
        case Operator.INCLUDES_ANY:
            wanted = frozenset(value)
            return lambda facts: None if (v := facts.get(field)) is None else not wanted.isdisjoint(v)
        case Operator.KNOWN:
            return lambda facts: (facts.get(field) is not None) is value
