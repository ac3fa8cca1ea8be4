"""A condition and a route in words, for those who read what changed."""

from services.programmes.conditions import All, AnyOf, Condition, Defined, Not, Operator, Parameter, Test, Undecided
from services.programmes.model import Route

_SIGNS = {
    Operator.AT_LEAST: "at least",
    Operator.AT_MOST: "at most",
    Operator.ABOVE: "above",
    Operator.BELOW: "below",
    Operator.EQUALS: "equal to",
    Operator.IS: "is",
    Operator.IN: "one of",
    Operator.INCLUDES: "including",
    Operator.INCLUDES_ANY: "including one of",
}


def in_words(condition: Condition) -> str:
    """Return a condition as one phrase; definitions stand under their names."""
    match condition:
        case All(all=parts):
            return _joined(parts, " and ")
        case AnyOf(any=parts):
            return _joined(parts, " or ")
        case Not(condition=inner):
            return f"not ({in_words(inner)})"
        case Undecided(undecided=inner):
            return f"not known whether ({in_words(inner)})"
        case Defined(definition=name):
            return _plain(name)
        case Test():
            return _test(condition)


def _joined(parts: tuple[Condition, ...], word: str) -> str:
    return word.join(f"({in_words(p)})" if isinstance(p, All | AnyOf) else in_words(p) for p in parts)


def _test(test: Test) -> str:
    subject = _plain(str(test.field if test.field is not None else test.parameter))
    if test.operator is Operator.KNOWN:
        return f"{subject} {'known' if test.value else 'not known'}"
    if isinstance(test.value, bool):
        return subject if test.value else f"not {subject}"
    if isinstance(test.value, Parameter):
        value = _plain(test.value.parameter)
    elif isinstance(test.value, tuple):
        value = ", ".join(map(_plain, test.value))
    else:
        value = _plain(str(test.value))
    return f"{subject} {_SIGNS[test.operator]} {value}"


def _plain(name: str) -> str:
    return name.replace("_", " ")


def route_in_words(route: Route) -> str:
    """Return a route with what it needs and asks for, as one phrase; its wording stands apart."""
    health = "" if route.health_detail else ", without health detail"
    needs = f", needs {' and '.join(route.requires)}" if route.requires else ""
    asks = f", asks only for {' and '.join(route.consents)}" if route.consents else ""
    return f"{route.code}{health}{needs}{asks}"
