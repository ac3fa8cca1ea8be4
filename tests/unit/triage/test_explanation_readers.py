"""Who may read which explanation, and what no referrer may learn."""

import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from services.contracts.codes import (
    Barrier,
    Condition,
    RedFlag,
    Stressor,
)
from services.triage.domain.facts import FIELDS, SCOPE
from services.triage.explanation.readers import (
    CLINICAL_KINDS,
    MAY_READ,
    CoachReader,
    ParticipantReader,
    ReferrerReader,
    View,
    reader,
)
from services.triage.explanation.referrer import OPEN, OpenFact, OpenField, is_open, open_rule
from services.triage.explanation.source import source_of
from tests.spec.people import NOT_ASKED, PROGRAMME, TODAY, policy
from tests.unit.triage.explained import (
    COACH,
    HELD,
    OUT,
    referrer,
    told,
)
from tests.unit.triage.test_decide import Triage

# Who may read what

STAFF = ("assessor", "coach", "team_lead", "clinical_safety", "auditor")
TABLE: list[tuple[str, str, set[str]]] = [
    *((role, kind, {"coach", "referrer", "participant"}) for role in STAFF for kind in ("nhs", "provider")),
    ("referrer", "nhs", {"referrer"}),
    ("referrer", "provider", {"referrer"}),
    ("referrer", "jobcentre", set()),
    ("referrer", "community", set()),
    ("referrer", "self", set()),
    *((role, "employer", set()) for role in (*STAFF, "referrer", "commissioner", "operator", "provider_finance")),
    *((role, "self", set()) for role in STAFF),
    *((role, kind, set()) for role in ("commissioner", "operator", "provider_finance") for kind in ("nhs", "provider")),
    ("nobody", "nhs", set()),
]


@pytest.mark.parametrize(("role", "kind", "views"), TABLE, ids=[f"{role} of {kind}" for role, kind, _ in TABLE])
def test_who_may_read_which_view(role: str, kind: str, views: set[str]) -> None:
    assert {view.value for view in View if reader(role, kind, view) is not None} == views


def test_each_view_has_its_reader_and_a_referrer_reads_their_own_only() -> None:
    for readers in MAY_READ.values():
        for view, who in readers.items():
            assert type(who) is {View.COACH: CoachReader, View.REFERRER: ReferrerReader}.get(view, ParticipantReader)
    assert all(reader("referrer", kind, View.REFERRER) == ReferrerReader(own=True) for kind in CLINICAL_KINDS)


# The referrer's view


CLINICAL: list[tuple[str, dict[str, Any]]] = [
    ("nothing", {}),
    ("mood", {"phq9": 12}),
    ("severe", {"phq9": 24, "gad7": 20, "wsas": 39}),
    ("not asked", dict(NOT_ASKED)),
    ("no assessment", {"no_assessment": True}),
    *((condition.value, {"conditions": [condition.value]}) for condition in Condition),
    *((stressor.value, {"stressors": [stressor.value]}) for stressor in Stressor),
    *((barrier.value, {"barriers": [barrier.value]}) for barrier in Barrier),
    ("back", {"conditions": ["back_pain"], "start_msk": 9}),
    ("urgent", {"conditions": ["back_pain"], "start_msk": 9, "red_flags": {"fever": True}}),
    ("secondary care", {"under_secondary_mental_health_care": True}),
    ("complex needs", {"complex_needs": True}),
    ("asks", {"asks": ["physiotherapy", "skills"]}),
]
OPENLY: list[dict[str, Any]] = [{"attendance": "off_sick"}, {"job_at_risk": True}, OUT]


@pytest.mark.parametrize("openly", OPENLY, ids=["off sick", "at risk", "out of work"])
@pytest.mark.parametrize("same", [CLINICAL, HELD], ids=["triaged", "held"])
def test_two_people_who_differ_in_their_health_alone_have_one_explanation(
    same: list[tuple[str, dict[str, Any]]], openly: dict[str, Any]
) -> None:
    found = {title: referrer(**{**openly, **given}).model_dump_json() for title, given in same}
    assert len(set(found.values())) == 1, [title for title in found if found[title] != next(iter(found.values()))]


def test_open_facts_do_reach_the_referrer() -> None:
    of = referrer(attendance="off_sick")
    assert [(one.rule, one.fits) for one in of.rules] == [("R30", True), ("R32", False)]
    assert of.rules[0].because == ("They have a job.", "They are off sick.")
    assert of.not_told + len(of.rules) == len(policy().engine(PROGRAMME, TODAY).rules.rules) + 4


MARKERS = re.compile(
    r"\bR(?!30|32)\d\d\b|PHQ|GAD|STarT|WSAS|therap|counsel|physio|pain|mood|worry|harm|suicide|illness|autis|stress|debt"
    r"|urgent|emergency|crisis|conditions|barriers|phq9|gad7|secondary|complex",
    re.IGNORECASE,
)


@pytest.mark.parametrize("given", [given for _, given in (*CLINICAL, *HELD)], ids=[t for t, _ in (*CLINICAL, *HELD)])
def test_no_word_of_health_reaches_the_referrer(given: dict[str, Any]) -> None:
    of = referrer(**given)
    text = of.model_dump_json(exclude={"ruleset", "referral_id"})
    assert MARKERS.findall(text) == []
    assert MARKERS.search(told(COACH, **given).model_dump_json(exclude={"ruleset"})), "the markers find what is there"


def test_a_clinical_fact_cannot_be_made_into_an_open_one() -> None:
    assert set(get_args(OpenField)) < {*FIELDS, *SCOPE}
    for field in (*FIELDS, *RedFlag, "phq9_item9"):
        fact = {"field": str(field), "value": None, "asked": False, "applies": True, "said": "x"}
        if field in OPEN:
            assert OpenFact.model_validate(fact)
            continue
        with pytest.raises(ValidationError):
            OpenFact.model_validate(fact)
    state = Triage(phq9=12).state
    assert state is not None
    trace = source_of(state, policy()).trace
    assert trace is not None
    for one in trace.rules:
        if not is_open(one) and one.condition is not None:
            with pytest.raises(ValidationError):
                open_rule(one)
