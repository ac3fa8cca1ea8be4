"""The screenplay: commands that coaching knows, on days that make sense, for about three in four people."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pydantic import TypeAdapter

from services.coaching.domain.commands import PlanCommand
from services.demo.people import people
from services.demo.person import Kind, Person
from services.demo.screenplay import Act, Story, Target, course, needs_joint_assessment, opening, story_of
from services.demo.usual import FIRST_DAY
from services.intake.domain.posted import AssessmentAdded

SEED = 7
COMMANDS: TypeAdapter[PlanCommand] = TypeAdapter(PlanCommand)
PACKAGE: list[dict[str, Any]] = [
    {"support": "physiotherapy", "intensity": None, "after": []},
    {"support": "employer_conversation", "intensity": None, "after": ["physiotherapy"]},
    {"support": "skills", "intensity": None, "after": ["employer_conversation"]},
]
PEOPLE = [person for person in people(1000, seed=SEED) if person.kind is Kind.USUAL]
AFTER_THE_END = {"work_status_changed", "work_status_confirmed", "evidence_recorded"}


def whole(person: Person) -> list[Act]:
    acts = opening(person, SEED, PACKAGE)
    if story_of(person, SEED) is Story.STARTS:
        revision = 2 if needs_joint_assessment(person) else 1
        acts += course(person, SEED, package=PACKAGE, from_on=acts[-1].on, revision=revision)
    return acts


STORIES = {person.number: whole(person) for person in PEOPLE}


def test_about_three_in_four_start() -> None:
    started = sum(story_of(person, SEED) is Story.STARTS for person in PEOPLE)
    assert 100 * started / len(PEOPLE) == pytest.approx(75, abs=3)


def test_the_same_seed_plays_the_same() -> None:
    assert [whole(person) for person in PEOPLE[:50]] == [STORIES[person.number] for person in PEOPLE[:50]]


def test_every_act_is_a_command_that_coaching_reads_or_an_assessment() -> None:
    for acts in STORIES.values():
        for act in acts:
            if act.target is Target.PLAN:
                assert COMMANDS.validate_python(act.body).kind == act.kind
            else:
                assert AssessmentAdded.model_validate_json(json.dumps(act.body)).assessment.phq9 is not None


def test_days_go_forward_from_the_referral_and_end_before_2026() -> None:
    for person in PEOPLE:
        days = [act.on for act in STORIES[person.number]]
        assert days == sorted(days)
        assert days[0] >= person.referred_on
        assert days[-1] < date(2026, 1, 1)


def test_nothing_but_outcomes_follows_the_end() -> None:
    ended = 0
    for acts in STORIES.values():
        kinds = [act.kind for act in acts]
        for end in {"closed", "handed_over", "withdrawn"} & set(kinds):
            ended += 1
            assert set(kinds[kinds.index(end) + 1 :]) <= (set() if end == "withdrawn" else AFTER_THE_END)
    assert ended > len(PEOPLE) / 2


def test_a_few_are_handed_over_where_a_programme_takes_them() -> None:
    over = [act for acts in STORIES.values() for act in acts if act.kind == "handed_over"]
    assert 0 < len(over) < len(PEOPLE) / 10
    assert {act.fields["programme"] for act in over} == {"working-well-early-help"}
    elsewhere = [replace(person, area=replace(person.area, programme="workwell-frimley")) for person in PEOPLE]
    acts = (act for person in elsewhere for act in course(person, SEED, package=[], from_on=FIRST_DAY, revision=1))
    assert "handed_over" not in {act.kind for act in acts}


def test_steps_start_after_those_that_they_wait_for_have_finished() -> None:
    waited = 0
    for acts in STORIES.values():
        agreed = next((act for act in acts if act.kind == "plan_agreed"), None)
        waits = {step["step_id"]: set(step["after"]) for step in agreed.fields["steps"]} if agreed else {}
        finished: set[str] = set()
        started: set[str] = set()
        for act in acts:
            if act.kind == "step_started":
                assert waits[act.fields["step_id"]] <= finished
                waited += bool(waits[act.fields["step_id"]])
                started.add(act.fields["step_id"])
            elif act.kind == "step_finished":
                assert act.fields["step_id"] in started
                finished.add(act.fields["step_id"])
    assert waited


def test_no_step_is_cancelled_that_another_waits_for() -> None:
    cancelled = 0
    free = [{**item, "after": []} for item in PACKAGE]
    for package in (PACKAGE, free):
        for person in PEOPLE:
            acts = course(person, SEED, package=package, from_on=person.referred_on, revision=1)
            awaited = {name for act in acts for step in act.fields.get("steps", ()) for name in step["after"]}
            gone = {act.fields["step_id"] for act in acts if act.kind == "step_cancelled"}
            assert not gone & awaited
            cancelled += len(gone)
    assert cancelled


def test_who_starts_has_an_attended_session_and_agrees_a_plan() -> None:
    for person in PEOPLE:
        if story_of(person, SEED) is Story.STARTS:
            kinds = [act.kind for act in STORIES[person.number]]
            moments = [kinds.index(kind) for kind in ("session_recorded", "plan_agreed")]
            first = next(act for act in STORIES[person.number] if act.kind == "session_recorded")
            assert first.fields["attendance"] == "attended"
            assert moments == sorted(moments)


def test_some_override_with_a_reason_and_keep_the_rest_in_sequence() -> None:
    overrides = [act for acts in STORIES.values() for act in acts if act.kind == "recommendation_overridden"]
    assert overrides
    for act in overrides:
        names = {item["support"] for item in act.fields["package"]}
        assert all(set(item["after"]) <= names for item in act.fields["package"])
        assert act.fields["reason"]
