"""Cases in a rule file: what is known of somebody, and what must follow. A clinician reads and writes them.

Every case begins with the file's ``baseline``, a person who was asked everything and needs nothing, and names what is
otherwise: fields of a rule, ``phq9_item9``, ``red_flags``, ``area_code``, ``referred_on``. Null: not asked. Red-flag
questions that ``red_flags`` does not name were answered no; ``red_flags: null``: none was asked.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Final

from pydantic import Field

from services.contracts.assessment import Assessment, Phq9
from services.contracts.codes import Intensity, RedFlag, Support, TriageOutcome, Urgency
from services.programmes.conditions import Frozen
from services.programmes.tiers import Words
from services.programmes.vocabulary import Code, Codes, Flag, Kind, Number
from services.triage.domain.facts import FIELDS, PARAMETERS, SCOPE

ITEM9: Final = "phq9_item9"
RED_FLAGS: Final = "red_flags"
DERIVED: Final = "red_flag_answers"
"""A field that follows from ``red_flags``, unless a case names it."""

Fact = bool | int | str | date | tuple[str, ...] | dict[str, bool | None] | None
Given = dict[str, Fact]

_ITEM9_KIND: Final = Number(0, 3)


class Baseline(Frozen):
    """Where every case begins, and the values that a programme's file would set."""

    given: Given
    parameters: dict[str, bool | int]


class Case(Frozen):
    """One case about one rule: does it fire? The rest is held only where it is said.

    ``rules`` are all that give something, in order; ``intensity`` is the whole package's. ``acknowledged`` are red-flag
    rules that a person has taken up.
    """

    rule: Annotated[str, Field(pattern=r"^R[0-9]{2}[a-z]?$")]
    title: Words
    given: Given = Field(default_factory=dict)
    parameters: dict[str, bool | int] = Field(default_factory=dict)
    acknowledged: tuple[str, ...] = ()
    fires: bool
    rules: tuple[str, ...] | None = None
    package: tuple[Annotated[Support, Field(strict=False)], ...] | None = None
    alternatives: tuple[Annotated[Support, Field(strict=False)], ...] | None = None
    urgency: Annotated[Urgency, Field(strict=False)] | None = None
    outcome: Annotated[TriageOutcome, Field(strict=False)] | None = None
    intensity: Annotated[Intensity, Field(strict=False)] | None = None


def facts_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a case knows as the facts of a rule."""
    facts = {field: given.get(field) for field in (*FIELDS, *SCOPE)}
    flags = _flags(given)
    if DERIVED not in given:
        facts[DERIVED] = 0 if flags is None else sum(1 for said in flags.values() if said is not None)
    return facts


def answers_in(given: Mapping[str, Any]) -> Assessment:
    """Return what the red-flag rules look at."""
    conditions, item9 = given.get("conditions"), given.get(ITEM9)
    plain = {"conditions": conditions, "red_flags": _flags(given)}
    phq9 = Phq9(score=None, item9=item9)
    return Assessment.model_validate({**plain, "phq9": phq9}, strict=False)


def _flags(given: Mapping[str, Any]) -> dict[RedFlag, bool | None] | None:
    said = given.get(RED_FLAGS)
    if RED_FLAGS in given and said is None:
        return None
    return {flag: (said or {}).get(flag.value, False) for flag in RedFlag}


def given_faults(given: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield what is wrong with the facts of a case: where, what, what to do."""
    for field, value in given.items():
        if field in {RED_FLAGS, "referred_on", "area_code"}:
            fault = _odd_fault(field, value)
        elif field == ITEM9:
            fault = _value_fault(_ITEM9_KIND, value)
        elif field in FIELDS:
            fault = _value_fault(FIELDS[field], value)
        else:
            known = ", ".join(sorted((*FIELDS, *SCOPE, ITEM9, RED_FLAGS)))
            yield ("given", field), f"There is no fact {field!r}.", f"Use one of: {known}."
            continue
        if fault:
            yield ("given", field), f"{field}: {fault}", "Correct the value."
    for name, value in parameters.items():
        if name not in PARAMETERS:
            yield ("parameters", name), f"There is no parameter {name!r}.", f"Use one of: {', '.join(PARAMETERS)}."
        elif fault := _value_fault(PARAMETERS[name], value):
            yield ("parameters", name), f"{name}: {fault}", "Correct the value."


def _odd_fault(field: str, value: Any) -> str | None:
    wanted = {RED_FLAGS: dict, "referred_on": date, "area_code": str}[field]
    if value is None:
        return None
    if not isinstance(value, wanted):
        return f"{value!r} is not what belongs here."
    unknown = sorted(set(value) - set(RedFlag)) if isinstance(value, dict) else []
    return f"{', '.join(unknown)} is no red-flag question." if unknown else None


def _value_fault(kind: Kind, value: Any) -> str | None:
    if value is None:
        return None
    match kind:
        case Number():
            return _number_fault(kind, value)
        case Flag():
            return None if isinstance(value, bool) else f"{value!r} is not yes or no."
        case Code():
            return None if value in kind.codes else f"{value!r} is not in the code list."
        case Codes():
            unknown = [code for code in value if code not in kind.codes] if isinstance(value, tuple) else [value]
            return f"{', '.join(map(repr, unknown))} is not in the code list, or no list." if unknown else None


def _number_fault(kind: Number, value: Any) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool) or not kind.low <= value <= kind.high:
        return f"{value!r} is no whole number from {kind.low} to {kind.high}."
    if kind.edges and value not in kind.edges:
        return f"{value} is not the lowest of a band ({', '.join(map(str, sorted(kind.edges)))})."
    return None
