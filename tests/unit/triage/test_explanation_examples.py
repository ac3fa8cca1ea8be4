"""The examples of the OpenAPI document are what the same facts give."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from services.triage.explanation import examples
from services.triage.explanation.coach import CoachExplanation
from services.triage.explanation.participant import ParticipantExplanation
from services.triage.explanation.referrer import ReferrerExplanation
from tests.unit.triage.explained import coach, participant, referrer

GIVEN: dict[str, Any] = {"phq9": 12, "gad7": None, "attendance": "off_sick"}


def plain(model: BaseModel, sha256: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(model.model_dump_json().replace(sha256, examples.SHA256))
    return found


@pytest.mark.parametrize(
    ("made", "example", "kind"),
    [
        (coach(**GIVEN), examples.COACH, CoachExplanation),
        (referrer(**GIVEN), examples.REFERRER, ReferrerExplanation),
        (participant(**GIVEN), examples.PARTICIPANT, ParticipantExplanation),
    ],
    ids=["coach", "referrer", "participant"],
)
def test_an_example_is_what_the_same_facts_give(made: Any, example: dict[str, Any], kind: type[BaseModel]) -> None:
    found = plain(made, made.ruleset.sha256)
    if kind is CoachExplanation:  # the example holds one rule and one need of all
        found["rules"] = [one for one in found["rules"] if one["rule"] == example["rules"][0]["rule"]]
        found["needs"] = [one for one in found["needs"] if one["need"] == example["needs"][0]["need"]]
    assert found == example
    assert kind.model_validate_json(json.dumps(example))
