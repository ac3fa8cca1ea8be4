"""The smallest change of one fact after which a rule fires, or no longer does.

Facts are tried one at a time at the edges of the rule's own tests and of those that can suppress it, and the engine
is asked again. Smallest is: a question answered that was not asked; then the number that is nearest in proportion; a
yes or no, a code. What an acknowledgement alone can change is no fact. Areas and days are left as they are.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from services.contracts.codes import Support
from services.programmes.conditions import Operator, Test
from services.programmes.logic import Facts
from services.programmes.vocabulary import Code, Codes, Flag, Number
from services.triage.domain.facts import FIELDS
from services.triage.domain.matching import Engine
from services.triage.domain.reading import plain, tests_in, wanted
from services.triage.domain.trace import Change, Value

_BELOW: Final = frozenset({Operator.AT_LEAST, Operator.BELOW, Operator.EQUALS})
_ABOVE: Final = frozenset({Operator.AT_MOST, Operator.ABOVE, Operator.EQUALS})


def smallest_change(engine: Engine, rule_id: str, facts: Facts, stopped: Mapping[Support, str]) -> Change | None:
    """Return the smallest change, None where no single fact is enough. ``stopped``: what a red flag stops."""
    now = _gives(engine, rule_id, facts, stopped)
    best: tuple[tuple[bool, float, int, str], str, Value] | None = None
    for order, (field, values) in enumerate(_candidates(engine, rule_id, facts).items()):
        before = facts.get(field)
        for value in values:
            rank = (before is not None, _size(before, value), order, f"{value!r:>12}")
            if best is not None and rank >= best[0]:
                continue
            if _gives(engine, rule_id, {**facts, field: value}, stopped) != now:
                best = (rank, field, value)
    if best is None:
        return None
    return Change(field=best[1], before=plain(facts.get(best[1])), after=best[2], fires=not now)


def _gives(engine: Engine, rule_id: str, facts: Facts, stopped: Mapping[Support, str]) -> bool:
    if rule_id == engine.rules.fallback.id:
        return any(reason.rule == rule_id for reason in engine.match(facts, tuple(set(stopped.values()))).reasons)
    rule = next(rule for rule in engine.in_file_order if rule.id == rule_id)
    return rule_id in engine.asked(facts)[0] and bool(rule.items(facts, stopped))


def _candidates(engine: Engine, rule_id: str, facts: Facts) -> dict[str, tuple[Value, ...]]:
    found: dict[str, dict[Value, None]] = {}
    for test in _tests(engine, rule_id):
        if test.field is not None:
            values = _values(test, facts.get(test.field), wanted(test, engine.parameters))
            found.setdefault(test.field, {}).update(dict.fromkeys(values))
    return {field: tuple(v for v in values if v != plain(facts.get(field))) for field, values in found.items()}


def _tests(engine: Engine, rule_id: str) -> Iterator[Test]:
    rules = engine.rules
    if rule_id == rules.fallback.id:
        conditions = [rules.fallback.when, *(rule.when for rule in rules.rules)]
    else:
        among = _with_suppressors(engine, rule_id)
        ordered = sorted((rule for rule in rules.rules if rule.id in among), key=lambda rule: rule.id != rule_id)
        conditions = [rule.when for rule in ordered]
    for condition in conditions:
        yield from tests_in(condition, rules.definitions)


def _with_suppressors(engine: Engine, rule_id: str) -> set[str]:
    found: set[str] = set()
    ahead = {rule_id}
    while ahead:
        found |= ahead
        ahead = {rule.id for rule in engine.rules.rules if ahead & set(rule.suppresses)} - found
    return found


def _values(test: Test, before: Any, edge: Value) -> Iterable[Value]:
    kind = FIELDS[str(test.field)]
    if isinstance(kind, Flag):
        return (True, False)
    if test.operator is Operator.KNOWN:
        return _any_answer(kind) if before is None else ()
    if isinstance(kind, Number):
        return _numbers(kind, test.operator, int(str(edge)))
    named = edge if isinstance(edge, tuple) else (str(edge),)
    if isinstance(kind, Code):
        return (*named, *sorted(kind.codes - set(named))[:1])
    has = tuple(str(code) for code in before or ())
    without = tuple(code for code in has if code not in named)
    return (without, *((*without, code) for code in named), *((*has, code) for code in named if code not in has))


def _any_answer(kind: Number | Code | Codes) -> Iterable[Value]:
    if isinstance(kind, Number):
        return (kind.low,)
    return ((),) if isinstance(kind, Codes) else sorted(kind.codes)[:1]


def _numbers(kind: Number, operator: Operator, edge: int) -> Iterator[int]:
    steps = ((operator in _BELOW, edge - 1), (True, edge), (operator in _ABOVE, edge + 1))
    for wanted_too, value in steps:
        known = [one for one in kind.edges if one <= value] if kind.edges else [value]
        if wanted_too and known and kind.low <= max(known) <= kind.high:
            yield max(known)


def _size(before: Any, after: Value) -> float:
    """Return how great a change is: at most 1 for a number, 1 for a yes, a no or a code, 1 for each code of a list."""
    if isinstance(after, int) and isinstance(before, int) and not isinstance(before, bool):
        return abs(after - before) / max(after, before, 1)
    if isinstance(after, tuple):
        return float(len(set(after) ^ {str(code) for code in before or ()}))
    return 0.0 if before is None else 1.0
