"""A rule file held against its own cases: which fail, and which boundaries no case stands at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.programmes.conditions import Condition, Operator, Test
from services.programmes.logic import compile_condition
from services.programmes.vocabulary import Number
from services.triage.domain.answers import positive_levels
from services.triage.domain.cases import Case, answers_in, facts_in
from services.triage.domain.facts import FIELDS
from services.triage.domain.matching import Engine, Match
from services.triage.domain.reading import tests_in, wanted
from services.triage.domain.rules import Fallback, Rule, RuleSet

_BELOW: Final = frozenset({Operator.AT_LEAST, Operator.BELOW})
_EXPECTED: Final = ("package", "alternatives", "urgency", "outcome", "intensity")


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that does not come out as it says. ``index``: its place among the file's cases."""

    index: int
    case: Case
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A boundary of a rule at which no case about it stands."""

    rule: str
    what: str


def parameters_of(rules: RuleSet, case: Case) -> dict[str, Any]:
    """Return the values that a programme's file would set, for one case."""
    return {**(rules.baseline.parameters if rules.baseline else {}), **case.parameters}


def given_of(rules: RuleSet, case: Case) -> dict[str, Any]:
    """Return everything that is known in a case."""
    return {**(rules.baseline.given if rules.baseline else {}), **case.given}


def awaits_in(given: Mapping[str, Any], engine: Engine, acknowledged: Sequence[str]) -> tuple[str, ...]:
    """Return the red-flag rules that what is known raises, and that nobody has taken up."""
    raised = {engine.rule_of_level[level] for level in positive_levels(answers_in(given))}
    return tuple(sorted(raised - set(acknowledged)))


class Trial:
    """The cases of one rule file. Its engines are compiled once for each set of parameters."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self._engines: dict[tuple[tuple[str, Any], ...], Engine] = {}

    def engine(self, parameters: Mapping[str, Any]) -> Engine:
        """Return the rules bound to parameters."""
        key = tuple(sorted(parameters.items()))
        if key not in self._engines:
            self._engines[key] = Engine(self.rules, parameters)
        return self._engines[key]

    def failures(self) -> Iterator[Failure]:
        """Yield the cases that fail, in the order of the file."""
        for index, case in enumerate(self.rules.cases):
            what = tuple(self._wrong(case))
            if what:
                yield Failure(index, case, what)

    def decided(self, case: Case) -> Match:
        """Return what the rules come to in a case."""
        given = given_of(self.rules, case)
        engine = self.engine(parameters_of(self.rules, case))
        return engine.match(facts_in(given), awaits_in(given, engine, case.acknowledged))

    def _wrong(self, case: Case) -> Iterator[str]:
        found = self.decided(case)
        fired = tuple(reason.rule for reason in found.reasons)
        if (case.rule in fired) != case.fires:
            yield f"{case.rule} {'does not fire' if case.fires else 'fires'}; what fires is {_list(fired)}"
        if case.rules is not None and fired != case.rules:
            yield f"rules: {_list(case.rules)} expected, {_list(fired)} found"
        came = {**found._asdict(), "package": tuple(item.support for item in found.package)}
        for name in _EXPECTED:
            expected = getattr(case, name)
            if expected is not None and expected != came[name]:
                yield f"{name}: {_list(expected)} expected, {_list(came[name])} found"

    def gaps(self) -> list[Gap]:
        """Return every boundary without a case, rule by rule.

        Each rule needs a case in which it fires and one in which it does not, each number that it is cut at a case on
        both sides, every other test a case in which it is true and one in which it is not, and each rule a case in
        which too little was asked to tell.
        """
        found = [gap for rule in self.rules.every_rule() for gap in self._both_ways(rule.id)]
        for rule in self.rules.rules:
            found += self._rule_gaps(rule)
        found += self._fallback_gaps(self.rules.fallback)
        told = [case for case in self.rules.cases if case.intensity is not None]
        for reason in self.rules.intensity.key_worker:
            found += [Gap(f"intensity {reason.code}", what) for what in self._uncovered(reason.when, told)]
        return found

    def _about(self, rule_id: str) -> list[Case]:
        return [case for case in self.rules.cases if case.rule == rule_id]

    def _both_ways(self, rule_id: str) -> Iterator[Gap]:
        for fires in (True, False):
            if not any(case.fires is fires for case in self._about(rule_id)):
                yield Gap(rule_id, f"no case in which it {'fires' if fires else 'does not fire'}")

    def _rule_gaps(self, rule: Rule) -> Iterator[Gap]:
        cases = self._about(rule.id)
        if not any(self._truth(rule.when, case) is None for case in cases):
            yield Gap(rule.id, "no case in which too little was asked to tell")
        for what in self._uncovered(rule.when, cases):
            yield Gap(rule.id, what)

    def _fallback_gaps(self, rule: Fallback) -> Iterator[Gap]:
        for what in self._uncovered(rule.when, self._about(rule.id)):
            yield Gap(rule.id, what)

    def _uncovered(self, condition: Condition, cases: Sequence[Case]) -> Iterator[str]:
        known = [(facts_in(given_of(self.rules, case)), parameters_of(self.rules, case)) for case in cases]
        seen: set[str] = set()
        for test in tests_in(condition, self.rules.definitions):
            for side, what in self._sides(test, known):
                if not side and what not in seen:
                    seen.add(what)
                    yield what

    def _sides(self, test: Test, known: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> Iterator[tuple[bool, str]]:
        kind = FIELDS.get(str(test.field))
        if isinstance(kind, Number) and test.operator is not Operator.KNOWN:
            for below in (True, False):
                edges = [
                    (facts.get(str(test.field)), _edge(test, kind, params, below=below)) for facts, params in known
                ]
                at = ", ".join(sorted({str(edge) for _, edge in edges})) or "either side"
                yield any(value == edge for value, edge in edges), f"no case with {test.field} at {at}"
            return
        name = test.field or test.parameter
        for truth in (True, False):
            met = any(self._came(test, facts, params) is truth for facts, params in known)
            yield met, f"no case in which {name} {test.operator} {_list(test.value)} is {str(truth).lower()}"

    def _came(self, test: Test, facts: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool | None:
        return compile_condition(test, self.rules.definitions, parameters)(facts)

    def _truth(self, condition: Condition, case: Case) -> bool | None:
        parameters = parameters_of(self.rules, case)
        return compile_condition(condition, self.rules.definitions, parameters)(facts_in(given_of(self.rules, case)))


def _edge(test: Test, kind: Number, parameters: Mapping[str, Any], *, below: bool) -> int:
    """Return the value just below a cut, or at it; of a field known in bands, the lowest of the band."""
    cut = int(str(wanted(test, parameters))) + (0 if test.operator in _BELOW else 1)
    if not below:
        return cut
    return max((edge for edge in kind.edges if edge < cut), default=cut - 1)


def _list(value: Any) -> str:
    return ", ".join(map(str, value)) or "nothing" if isinstance(value, tuple | list) else str(value)
