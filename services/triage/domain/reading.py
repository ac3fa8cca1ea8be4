"""What a condition looks at, and what it comes to, part by part. For traces: a decision does not walk conditions."""

from collections.abc import Iterable, Iterator
from typing import Any

from services.programmes.conditions import All, AnyOf, Condition, Defined, Not, Parameter, Test, Undecided
from services.programmes.logic import Definitions, Facts, Parameters, compile_condition
from services.triage.domain.facts import applies
from services.triage.domain.trace import FactRead, Node, NodeKind, Value


def tests_in(condition: Condition, definitions: Definitions) -> Iterator[Test]:
    """Yield the tests of a condition, those of its definitions included, in the order of the file."""
    match condition:
        case All(all=parts) | AnyOf(any=parts):
            for part in parts:
                yield from tests_in(part, definitions)
        case Not(condition=inner) | Undecided(undecided=inner):
            yield from tests_in(inner, definitions)
        case Defined(definition=name):
            yield from tests_in(definitions[name], definitions)
        case Test():
            yield condition


def fields_of(conditions: Iterable[Condition], definitions: Definitions) -> tuple[str, ...]:
    """Return the fields that conditions look at, each once, in the order of the file."""
    named = (test.field for condition in conditions for test in tests_in(condition, definitions))
    return tuple(dict.fromkeys(field for field in named if field is not None))


def read(fields: Iterable[str], facts: Facts) -> tuple[FactRead, ...]:
    """Return the values of fields."""
    values = ((field, plain(facts.get(field))) for field in fields)
    return tuple(
        FactRead(field=field, value=value, asked=value is not None, applies=value is not None or applies(field, facts))
        for field, value in values
    )


def plain(value: Any) -> Value:
    """Return a fact's value without its type: codes and days as text."""
    if isinstance(value, tuple | list):
        return tuple(str(one) for one in value)
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)


def wanted(test: Test, parameters: Parameters) -> Value:
    """Return the value that a test compares with, a parameter's where it names one."""
    return plain(parameters[test.value.parameter] if isinstance(test.value, Parameter) else test.value)


def node_of(condition: Condition, facts: Facts, definitions: Definitions, parameters: Parameters) -> Node:
    """Return a condition with what each part of it comes to, asked as a decision asks it."""
    truth = compile_condition(condition, definitions, parameters)(facts)

    def parts(inner: Iterable[Condition]) -> tuple[Node, ...]:
        return tuple(node_of(part, facts, definitions, parameters) for part in inner)

    match condition:
        case All(all=inner):
            return Node(kind=NodeKind.ALL, truth=truth, parts=parts(inner))
        case AnyOf(any=inner):
            return Node(kind=NodeKind.ANY, truth=truth, parts=parts(inner))
        case Not(condition=one):
            return Node(kind=NodeKind.NOT, truth=truth, parts=parts((one,)))
        case Undecided(undecided=one):
            return Node(kind=NodeKind.UNDECIDED, truth=truth, parts=parts((one,)))
        case Defined(definition=name):
            return Node(kind=NodeKind.DEFINITION, truth=truth, name=name, parts=parts((definitions[name],)))
        case Test():
            return Node(
                kind=NodeKind.TEST,
                truth=truth,
                field=condition.field,
                parameter=condition.parameter,
                operator=condition.operator.value,
                wanted=wanted(condition, parameters),
            )
