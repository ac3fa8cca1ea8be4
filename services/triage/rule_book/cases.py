"""A case as a row: what is otherwise than in the person whom every case begins with, and what follows."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from services.contracts.codes import RedFlag, TriageOutcome
from services.triage.domain.cases import RED_FLAGS, Case
from services.triage.domain.facts import FIELDS, SCOPE
from services.triage.explanation.sentences import brief, name_of
from services.triage.explanation.words import INTENSITIES, SUPPORTS, listed

_PARAMETERS: Final = {
    "out_of_work_limit_days": lambda value: f"The area's limit: {value} days out of work",
    "skills_earnings_limit": lambda value: f"The area has {'a' if value else 'no'} limit of earnings for skills",
}


def table(cases: Iterable[Case]) -> Iterator[str]:
    """Yield the lines of a table of one rule's cases."""
    yield "| case | what is known, beside the person above | counts | what follows |"
    yield "|---|---|---|---|"
    for case in cases:
        given = "; ".join(known(case)) or "nothing else"
        yield f"| {_cell(case.title)} | {_cell(given)} | {'**yes**' if case.fires else 'no'} | {_cell(follows(case))} |"


def known(case: Case) -> Iterator[str]:
    """Yield what a case says of its person."""
    given: dict[str, Any] = dict(case.given)
    flags = given.pop(RED_FLAGS, {})
    unasked = [field for field, value in given.items() if value is None]
    for field, value in given.items():
        if value is not None:
            yield brief(field, str(value) if field in SCOPE else value)
    if flags is None:
        yield "No safety question was asked"
    yield from _answered(flags or {})
    if unasked:
        yield f"Not asked: {listed([name_of(field) for field in unasked])}"
    yield from (_PARAMETERS[name](value) for name, value in case.parameters.items())
    if case.acknowledged:
        yield f"A person has acknowledged {listed(list(case.acknowledged))}"


def _answered(flags: Mapping[str, bool | None]) -> Iterator[str]:
    for field, said in flags.items():
        if said is not None:
            yield brief(field, said)
    unasked = [name_of(field) for field, said in flags.items() if said is None]
    if len(unasked) == len(RedFlag) - 1:
        yield "No other safety question was asked"
    elif unasked:
        yield f"Not asked: {listed(unasked)}"


def follows(case: Case) -> str:
    """Say what must follow, as far as the case says it."""
    said = []
    if case.outcome is TriageOutcome.HELD:
        said.append("all matching stops")
    if case.urgency is not None:
        said.append(f"urgency: {case.urgency}")
    if case.rules is not None:
        said.append(f"rules that count: {', '.join(case.rules) or 'none'}")
    if case.package is not None:
        said.append(f"recommended: {', '.join(SUPPORTS[support] for support in case.package)}")
    if case.alternatives is not None:
        said.append(f"other choices: {', '.join(SUPPORTS[support] for support in case.alternatives) or 'none'}")
    if case.intensity is not None:
        said.append(f"expected: {INTENSITIES[case.intensity]}")
    return "; ".join(said)


def baseline_points(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is known of the person whom every case begins with."""
    for field in FIELDS:
        value = given.get(field)
        if field in given and value is not None:
            yield f"- {brief(field, value)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
