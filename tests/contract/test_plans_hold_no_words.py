"""A plan travels in codes: no text field of ``plan.updated`` takes a word that somebody chose."""

import re
from collections.abc import Iterator
from datetime import date
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo

from services.contracts.plan import PlanUpdated
from services.contracts.plan_item import GoalId
from services.kernel.sealing.content import Digest, Sealed
from tests.unit.coaching.desk import COMMAND

CONFIGURED = frozenset({"id", "version", "locality", "provider", "contract", "programme", "handed_over_to"})
"""Names that a programme file gives, not a person at a desk."""
PSEUDONYMS = frozenset({"by", "coach", "obtained_by"})
"""Subjects of tokens: the deployer's issuer gives them."""
CHOSEN = CONFIGURED | PSEUDONYMS | {"milestone", "area_code", "language", "fields"}
"""Codes of a list that stands elsewhere: a rate card's, the ODS's, a language's, our own fields."""
WORDS = (
    "psychosis",
    "hiv-1",
    "ptsd",
    "depression",
    "files/hiv-clinic",
    "Cancer",
    "step-psychosis",
    "goal-hiv",
    "doc-hiv",
)


def texts(kind: Any, path: str, info: FieldInfo | None = None) -> Iterator[tuple[str, re.Pattern[str] | None]]:
    """Yield each plain text in a type, with the pattern that bounds it; None: nothing does."""
    origin = get_origin(kind)
    if origin is Annotated:
        kind, *more = get_args(kind)
        found = next((one for one in more if isinstance(one, FieldInfo)), info)
        yield from texts(kind, path, found)
    elif origin in {Union, UnionType, tuple, list, frozenset}:
        for part in get_args(kind):
            yield from texts(part, path, info)
    elif origin is Literal or kind in {int, bool, date, NoneType, Ellipsis, Digest} or origin is Sealed:
        return
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield from texts(field.annotation, f"{path}.{name}", field)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        return
    elif kind is str:
        pattern = next((m.pattern for m in (info.metadata if info else ()) if getattr(m, "pattern", None)), None)
        yield path, re.compile(pattern) if pattern else None
    elif getattr(kind, "__origin__", None) is None and kind.__class__.__name__ != "type":
        raise AssertionError(f"{path}: what is {kind!r}?")


def free(kind: Any) -> list[str]:
    """Return the fields that a health word fits into."""
    return sorted(
        {
            path
            for path, pattern in texts(kind, "")
            if path.rsplit(".", 1)[-1] not in CHOSEN
            if pattern is None or any(pattern.search(word) for word in WORDS)
        }
    )


def test_no_text_of_a_plan_takes_a_word() -> None:
    assert len(list(texts(PlanUpdated, ""))) > 40
    assert free(PlanUpdated) == []


def test_a_field_that_takes_words_would_be_seen() -> None:
    class Named(BaseModel):
        goal: GoalId
        title: str
        slug: Annotated[str, Field(pattern=r"^[a-z-]+$")] | None
        many: tuple[Annotated[str, Field(pattern=r"^[A-Z][a-z]+$")], ...]

    assert free(Named) == [".many", ".slug", ".title"]


GOAL = {"goal_id": "goal-1", "theme": "health"}
STEP = {"step_id": "step-1", "support": "gp"}
SLIP = {"kind": "payslip", "obtained_on": "2024-11-18", "reference": "doc-1"}
PLACES: list[tuple[str, str, Any]] = [
    ("goal_set", "goal_id", lambda word: {"goal": {**GOAL, "goal_id": word}}),
    ("goal_progressed", "goal_id", lambda word: {"goal_id": word, "progress": "met"}),
    ("step_added", "step_id", lambda word: {"step": {**STEP, "step_id": word}}),
    ("step_added", "after", lambda word: {"step": {**STEP, "after": (word,)}}),
    ("step_started", "step_id", lambda word: {"step_id": word}),
    ("step_added", "service", lambda word: {"step": {**STEP, "service": word}}),
    ("barrier_changed", "barrier_id", lambda word: {"barrier_id": word, "state": "eased"}),
    ("evidence_recorded", "reference", lambda word: {"evidence": {**SLIP, "reference": word}}),
    ("evidence_recorded", "reference", lambda word: {"evidence": {**SLIP, "reference": "plan/7"}}),
]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(("kind", "field", "fields"), PLACES, ids=[f"{kind}-{field}" for kind, field, _ in PLACES])
def test_a_health_word_is_refused_where_a_coach_names_something(kind: str, field: str, fields: Any, word: str) -> None:
    with pytest.raises(ValidationError, match=field):
        COMMAND.validate_python({"kind": kind, "occurred_on": "2024-11-18", **fields(word)})


@pytest.mark.parametrize("reference", ["doc-1", "doc-123456789012345678", "5b7c1f60-2d3e-4a88-8f19-0c9e4d7a2f35"])
def test_a_document_is_a_number_or_a_uuid(reference: str) -> None:
    COMMAND.validate_python(
        {"kind": "evidence_recorded", "occurred_on": "2024-11-18", "evidence": {**SLIP, "reference": reference}}
    )
