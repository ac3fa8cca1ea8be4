"""Cases and saved facts instead of the log: nobody's data are read, and no broker and no vault are needed."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError

from services.programmes.conditions import Frozen
from services.triage.domain.cases import Given, answers_in, facts_in, given_faults
from services.triage.domain.matching import Engine
from services.triage.domain.rules import RuleSet
from services.triage.domain.trial import Trial, awaits_in, given_of, parameters_of
from services.triage.trying.known import Known, groups

DIMENSIONS: Final = ("programme", "area_code", "route", "age", "work_status", "attendance")
"""What saved facts are counted by."""


class SavedFacts(Frozen):
    """One line of a file of facts: what is known of somebody, as the cases of a rule file say it.

    A field that is not there was not asked; red-flag questions that are not there were answered no, unless
    ``red_flags`` is null. ``parameters`` are what a programme's file sets; ``programme`` is only counted by.
    """

    id: str = Field(min_length=1, max_length=100)
    programme: str | None = None
    given: Given
    parameters: dict[str, bool | int]
    acknowledged: tuple[str, ...] = ()


class FactsRefused(ValueError):
    """A file of facts cannot be used; the message names every line that is wrong, without what stands there."""


def known_from_cases(old: RuleSet, new: RuleSet) -> Iterator[Known]:
    """Yield the cases of both files, those that stand in both once."""
    seen: set[str] = set()
    for rules in (new, old):
        trial = Trial(rules)
        for case in rules.cases:
            given, parameters = given_of(rules, case), parameters_of(rules, case)
            same = repr((sorted(given.items()), sorted(parameters.items()), sorted(case.acknowledged)))
            if same not in seen:
                seen.add(same)
                name = f"{case.rule} {case.title}"
                yield _known(name, given, parameters, case.acknowledged, trial.engine(parameters), {})


def known_from_file(path: Path, rules: RuleSet) -> Iterator[Known]:
    """Yield what the lines of a file hold. Raises FactsRefused with all that is wrong with it, OSError."""
    trial = Trial(rules)
    for one in _lines(path):
        said = {**one.given, "programme": one.programme}
        engine = trial.engine(one.parameters)
        yield _known(one.id, one.given, one.parameters, one.acknowledged, engine, groups(said, DIMENSIONS))


def _known(
    name: str,
    given: Mapping[str, Any],
    parameters: Mapping[str, Any],
    acknowledged: Iterable[str],
    engine: Engine,
    counted: Mapping[str, str],
) -> Known:
    seen = tuple(acknowledged)
    return Known(
        name=name,
        facts=facts_in(given),
        awaits=awaits_in(given, engine, seen),
        acknowledged=seen,
        answers=answers_in(given),
        parameters=parameters,
        groups=counted,
    )


def _lines(path: Path) -> list[SavedFacts]:
    found: list[SavedFacts] = []
    wrong: list[str] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = SavedFacts.model_validate(_typed(json.loads(line)), strict=False)
        except ValidationError as error:  # its message quotes what stands there
            places = [f"{'.'.join(map(str, e['loc']))} ({e['type']})" for e in error.errors(include_input=False)]
            wrong.append(f"{path}:{number}: {', '.join(places)}")
            continue
        except ValueError:
            wrong.append(f"{path}:{number}: not a JSON object; each line is one")
            continue
        wrong += [f"{path}:{number}: {'.'.join(at)}: {fix}" for at, _, fix in given_faults(one.given, one.parameters)]
        found.append(one)
    if not found and not wrong:
        wrong.append(f"{path}: there is no line; each is a JSON object with id, given and parameters")
    if wrong:
        raise FactsRefused("\n".join(wrong))
    return found


def _typed(line: Any) -> Any:
    """Return a line with its lists as what facts are made of."""
    if isinstance(line, dict) and isinstance(line.get("given"), dict):
        given = {name: tuple(value) if isinstance(value, list) else value for name, value in line["given"].items()}
        return {**line, "given": given}
    return line
