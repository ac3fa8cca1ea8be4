"""The bodies of commands: strict, and the same fields as the changes that travel."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from services.coaching.caseload.coach_bodies import RecordAbsence
from services.coaching.domain.commands import CorrectFact, PlanCommand
from services.contracts.plan_change import PlanChange
from tests.unit.coaching.desk import COMMAND
from tests.unit.coaching.test_lifecycle import COMMANDS

BODIES = get_args(get_args(PlanCommand)[0])
CHANGES = {get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(get_args(PlanChange)[0])}
ADDED_BY_COACHING = {"by", "note_digest", "session_id", "event_id", "sealed", "area", "fields", "took_back"}
IN_NO_EVENT = {"note", "scores", "fit_note", "health"}
"""What a command says that stands in its event sealed, as a digest, or not at all."""


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_a_command_has_the_fields_of_its_change(body: Any) -> None:
    change = CHANGES[get_args(body.model_fields["kind"].annotation)[0]]
    added = ADDED_BY_COACHING | ({"evidence"} if body is CorrectFact else set())
    assert set(body.model_fields) - IN_NO_EVENT == set(change.model_fields) - added
    assert ("note" in body.model_fields) == ("note_digest" in change.model_fields)
    assert body.__doc__


@pytest.mark.parametrize("kind", sorted(COMMANDS))
def test_unknown_fields_are_refused(kind: str) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        COMMAND.validate_python({"kind": kind, "occurred_on": "2024-11-18", **COMMANDS[kind], "surprise": 1})


@pytest.mark.parametrize(
    "occurred_on", [1731888000, "1731888000", "20241118", "2024-W47-1", "2024-11-18T00:00:00", None]
)
def test_only_an_iso_date_is_a_date(occurred_on: Any) -> None:
    with pytest.raises(ValidationError):
        COMMAND.validate_python({"kind": "acknowledged", "occurred_on": occurred_on})


@pytest.mark.parametrize("on", ["1999-12-31", "2100-01-01", "0001-01-01", "9999-12-31"])
def test_no_day_is_so_far_off_that_months_cannot_be_counted_from_it(on: str) -> None:
    said = {"fitness": "not_fit", "from_on": on, "to_on": on, "issuer": "doctor"}
    with pytest.raises(ValidationError, match=r"fit_note\.from_on"):
        COMMAND.validate_python({"kind": "fit_note_recorded", "occurred_on": "2024-11-18", "fit_note": said})
    with pytest.raises(ValidationError, match="from_on"):
        RecordAbsence.model_validate({"kind": "absence_recorded", "from_on": on})


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("recommendation_confirmed", {"revision": "1"}),
        ("recommendation_confirmed", {"revision": 1.0}),
        ("recommendation_confirmed", {"revision": 0}),
        ("contacted", {"channel": "phone", "reached": "yes"}),
        ("contacted", {"channel": "phone", "reached": 1}),
        ("session_recorded", {"attendance": "attended", "channel": "phone", "minutes": "30"}),
        ("recommendation_overridden", {"revision": 1, "package": ({"support": "gp"},)}),
        ("recommendation_overridden", {"revision": 1, "reason": "because", "package": ({"support": "gp"},)}),
        ("recommendation_overridden", {"revision": 1, "reason": "other", "package": ()}),
        ("plan_agreed", {"goals": (), "steps": ({"step_id": "step-1", "support": "gp"},)}),
        ("plan_agreed", {"goals": ({"goal_id": "a", "theme": "health"},), "steps": ()}),
        ("closed", {"closure": "99"}),
        ("closed", {}),
        ("note_recorded", {"note": ""}),
        ("employer_contacted", {"channel": "phone", "employer": "smith-and-sons", "role": "owner"}),
        ("step_added", {"step": {"step_id": "step-1", "support": "gp", "service": "early-psychosis-team"}}),
        ("proposed", {}),
    ],
)
def test_nothing_is_converted_and_nothing_needed_is_missing(kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        COMMAND.validate_python({"kind": kind, "occurred_on": "2024-11-18", **fields})
