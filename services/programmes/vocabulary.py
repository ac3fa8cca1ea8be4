"""The words that conditions may use: each field's kind, and what is wrong with a condition that misuses it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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

O = Operator  # noqa: E741  a table of operators reads better with a short name


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number from ``low`` to ``high``.

    ``edges``: the only values at which the field can be cut, because it is known as a band (an age of
    ``19-24`` is at least 19, but whether it is at least 21 cannot be told).
    """

    low: int
    high: int
    edges: frozenset[int] = frozenset()
    operators = frozenset({O.AT_LEAST, O.AT_MOST, O.ABOVE, O.BELOW, O.EQUALS, O.KNOWN})


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    operators = frozenset({O.IS, O.KNOWN})


@dataclass(frozen=True, slots=True)
class Code:
    """One code of a list."""

    codes: frozenset[str]
    operators = frozenset({O.IS, O.IN, O.KNOWN})


@dataclass(frozen=True, slots=True)
class Codes:
    """Any number of codes of a list."""

    codes: frozenset[str]
    operators = frozenset({O.INCLUDES, O.INCLUDES_ANY, O.KNOWN})


Kind = Number | Flag | Code | Codes
Vocabulary = Mapping[str, Kind]

Fault = tuple[tuple[str | int, ...], str, str]
"""Where in the condition, what is wrong, what to do."""


_CIRCLE = "refers to itself"


@dataclass(frozen=True, slots=True)
class Names:
    """What a condition may name: fields, the file's definitions, the programme's parameters."""

    fields: Vocabulary
    definitions: Mapping[str, Condition]
    parameters: Vocabulary

    def faults(self, condition: Condition, inside: tuple[str, ...] = ()) -> Iterator[Fault]:
        """Yield all that is wrong with ``condition``. ``inside``: the definitions that led here."""
        match condition:
            case All(all=parts) | AnyOf(any=parts):
                key = "all" if isinstance(condition, All) else "any"
                for index, part in enumerate(parts):
                    yield from _under((key, index), self.faults(part, inside))
            case Not(condition=inner):
                yield from _under(("not",), self.faults(inner, inside))
            case Undecided(undecided=inner):
                yield from _under(("undecided",), self.faults(inner, inside))
            case Defined(definition=name):
                yield from self._defined(name, inside)
            case Test():
                yield from self._test(condition)

    def _defined(self, name: str, inside: tuple[str, ...]) -> Iterator[Fault]:
        if name not in self.definitions:
            yield (("definition",), f"There is no definition {name!r}.", _one_of(self.definitions))
        elif name in inside or self._comes_back(name, inside):
            yield (("definition",), f"The definition {name!r} {_CIRCLE}.", "Break the circle.")

    def _comes_back(self, name: str, inside: tuple[str, ...]) -> bool:
        return any(_CIRCLE in what for _, what, _ in self.faults(self.definitions[name], (*inside, name)))

    def _test(self, test: Test) -> Iterator[Fault]:
        subject, known = ("field", self.fields) if test.field is not None else ("parameter", self.parameters)
        name = test.field if test.field is not None else test.parameter
        kind = known.get(str(name))
        if kind is None:
            yield ((subject,), f"There is no {subject} {name!r}.", _one_of(known))
            return
        if test.operator not in kind.operators:
            message = f"{test.operator} does not fit {name}."
            yield ((test.operator.value,), message, _one_of(o.value for o in kind.operators))
            return
        if isinstance(test.value, Parameter):
            if test.value.parameter not in self.parameters:
                message = f"There is no parameter {test.value.parameter!r}."
                yield ((test.operator.value, "parameter"), message, _one_of(self.parameters))
            return
        wrong = _value_fault(kind, test.operator, test.value)
        if wrong:
            yield ((test.operator.value,), f"{name}: {wrong[0]}", wrong[1])


def _value_fault(kind: Kind, operator: Operator, value: Any) -> tuple[str, str] | None:
    if operator is Operator.KNOWN or isinstance(kind, Flag):
        return None if isinstance(value, bool) else (f"{value!r} is not yes or no.", "Write true or false.")
    if isinstance(kind, Number):
        return _number_fault(kind, operator, value)
    wants_many = operator in {Operator.IN, Operator.INCLUDES_ANY}
    if isinstance(value, tuple) != wants_many:
        return f"{operator} takes {'a list of codes' if wants_many else 'one code'}.", "Correct the value."
    unknown = sorted(set(value if isinstance(value, tuple) else (value,)) - kind.codes, key=str)
    if unknown:
        return f"{', '.join(map(str, unknown))} is not in the code list.", _one_of(kind.codes)
    return None


def _number_fault(kind: Number, operator: Operator, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return f"{value!r} is not a whole number.", "Write a whole number without quotes."
    if not kind.low <= value <= kind.high:
        return f"{value} is outside {kind.low} to {kind.high}.", "Correct the value."
    cut = {O.AT_LEAST: value, O.BELOW: value, O.AT_MOST: value + 1, O.ABOVE: value + 1}.get(operator)
    if kind.edges and (cut is None or cut not in kind.edges):
        fix = f"Cut at one of {', '.join(map(str, sorted(kind.edges)))} with at_least or below."
        return f"{value} falls inside a band, so it cannot be decided.", fix
    return None


def _under(prefix: tuple[str | int, ...], faults: Iterator[Fault]) -> Iterator[Fault]:
    for path, what, fix in faults:
        yield ((*prefix, *path), what, fix)


def _one_of(names: Any) -> str:
    return f"Use one of: {', '.join(sorted(names))}."
