"""What intake refuses, each rule by its code and place, and what it takes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.intake.referrals.reading import read_referral
from tests.unit.intake.referrals import NOW, Change, drop, faults, policy, put, referral


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        (put("person.nhs_number", "9990000019"), "invalid_nhs_number", "/person/nhs_number"),
        (put("person.nhs_number", "2222222222"), "invalid_nhs_number", "/person/nhs_number"),
        (put("person.nhs_number", "999 000 0018"), "malformed", "/person/nhs_number"),
        (put("person.family_name", ""), "too_short", "/person/family_name"),
        (put("person.family_name", " \t"), "malformed", "/person/family_name"),
        (put("person.family_name", "x" * 101), "too_long", "/person/family_name"),
        (drop("person.given_name"), "required", "/person/given_name"),
        (put("person.birth_date", "12/04/1986"), "invalid_date", "/person/birth_date"),
        (put("person.birth_date", "1986-02-30"), "invalid_date", "/person/birth_date"),
        (put("person.birth_date", 513648000), "invalid_date", "/person/birth_date"),
        (put("person.birth_date", "2024-11-19"), "born_after_referral", "/person/birth_date"),
        (put("person.birth_date", "1893-11-17"), "birth_date_implausible", "/person/birth_date"),
        (put("person.sex", "f"), "unknown_code", "/person/sex"),
        (put("person.ethnic_category", "Q"), "unknown_code", "/person/ethnic_category"),
        (put("person.postcode", "M1 1A"), "malformed", "/person/postcode"),
        (put("person.registered_gp_ods", "p84001"), "malformed", "/person/registered_gp_ods"),
        (put("person.contact.phone", "ring me"), "malformed", "/person/contact/phone"),
        (put("person.contact.email", "ada"), "malformed", "/person/contact/email"),
        (put("person.contact.preferred", "pigeon"), "unknown_code", "/person/contact/preferred"),
        (drop("person.contact.phone"), "required", "/person/contact/phone"),
        (put("person.accessible_needs", ["shouting"]), "unknown_code", "/person/accessible_needs/0"),
        (put("person.language", "English"), "malformed", "/person/language"),
        (put("person.age", 38), "unknown_field", "/person/age"),
        (put("programme", "elsewhere"), "programme_unknown", "/programme"),
        (put("programme", "No Slug"), "malformed", "/programme"),
        (put("locality", "leeds"), "locality_unknown", "/locality"),
        (put("provider.named", "alchemy-arts"), "provider_not_offered", "/provider/named"),
        (put("provider.chosen", "nobody"), "provider_not_offered", "/provider/chosen"),
        (put("route", "friend"), "unknown_code", "/route"),
        (drop("route"), "required", "/route"),
        (put("referrer", None), "required", "/referrer"),
        (put("referrer.reference", "with space"), "malformed", "/referrer/reference"),
        (put("referred_on", "2024-12-03"), "date_in_future", "/referred_on"),
        (drop("referred_on"), "required", "/referred_on"),
        (put("work.status", "retired"), "unknown_code", "/work/status"),
        (drop("work"), "required", "/work"),
        (put("work.weekly_hours", 169), "out_of_range", "/work/weekly_hours"),
        (put("work.weekly_hours", "37"), "wrong_type", "/work/weekly_hours"),
        (put("work.weekly_hours", 37.5), "wrong_type", "/work/weekly_hours"),
        (put("work.job_at_risk", 1), "wrong_type", "/work/job_at_risk"),
        (put("work.off_sick_since", "2024-12-03"), "date_in_future", "/work/off_sick_since"),
        (put("work.attendance", "working"), "off_sick_but_attending", "/work/off_sick_since"),
        (put("work.unemployed_since", "2024-01-01"), "unemployed_but_in_work", "/work/unemployed_since"),
        (put("assessment.phq9.score", 28), "out_of_range", "/assessment/phq9/score"),
        (put("assessment.phq9.item9", 4), "out_of_range", "/assessment/phq9/item9"),
        (put("assessment.phq9", {"score": 1, "item9": 2}), "item9_exceeds_score", "/assessment/phq9/item9"),
        (put("assessment.phq9.item_9", 1), "unknown_field", "/assessment/phq9/item_9"),
        (put("assessment.gad7.total", 2), "unknown_field", "/assessment/gad7/total"),
        (put("assessment.start_msk.total", 2), "unknown_field", "/assessment/start_msk/total"),
        (put("assessment.wsas.total", 2), "unknown_field", "/assessment/wsas/total"),
        (put("assessment.redflags", {}), "unknown_field", "/assessment/redflags"),
        (put("assessment.gad7.score", 22), "out_of_range", "/assessment/gad7/score"),
        (put("assessment.start_msk.score", 13), "out_of_range", "/assessment/start_msk/score"),
        (put("assessment.wsas.score", -1), "out_of_range", "/assessment/wsas/score"),
        (put("assessment.red_flags.chest_pain", "no"), "wrong_type", "/assessment/red_flags/chest_pain"),
        (put("assessment.conditions", ["housemaid's knee"]), "unknown_code", "/assessment/conditions/0"),
        (put("assessment.taken_on", "2024-12-03"), "date_in_future", "/assessment/taken_on"),
        (put("asks", ["yoga"]), "unknown_code", "/asks/0"),
        (put("consents.take_part.given", False), "consent_required", "/consents/take_part"),
        (put("consents.take_part", None), "consent_required", "/consents/take_part"),
        (drop("consents"), "consent_required", "/consents/take_part"),
        (put("consents.take_part.on", "2025-01-01"), "date_in_future", "/consents/take_part/on"),
        (put("consents.share_with_gp.channel", "shouted"), "unknown_code", "/consents/share_with_gp/channel"),
        (put("additional_information", "x" * 4001), "too_long", "/additional_information"),
    ],
    ids=lambda v: v[:50] if isinstance(v, str) else "",
)
def test_one_thing_wrong_gives_one_reason(change: Change, code: str, pointer: str) -> None:
    assert faults(referral(change)) == {(code, pointer)}


def test_an_unknown_red_flag_is_refused_at_its_place() -> None:
    assert {code for code, _ in faults(referral(put("assessment.red_flags.headache", True)))} == {"unknown_code"}


@pytest.mark.parametrize(
    "change",
    [
        put("person.nhs_number", None),
        put("person.postcode", None),
        put("person.contact", None),
        put("locality", None),
        put("assessment", None),
        drop("assessment"),
        put("assessment", {}),
        put("assessment.red_flags", {"chest_pain": None}),
        put("provider.named", "big-life"),
        put("referrer.reference", None),
        put("consents.share_with_employer", None),
        put("asks", []),
        put("work", {"status": "unemployed", "unemployed_since": "2024-01-01"}),
        put("person.birth_date", "2024-11-18"),
    ],
)
def test_what_was_not_asked_may_be_left_out(change: Change) -> None:
    assert faults(referral(change)) == set()


def test_specialist_providers_may_be_chosen_from_their_first_day() -> None:
    later = datetime(2025, 1, 1, 12, tzinfo=UTC)
    body = referral(put("provider.chosen", "alchemy-arts"), referred_on="2025-01-01")
    assert faults(body, now=later) == set()


@pytest.mark.parametrize(
    ("referred_on", "refused"),
    [("2024-09-30", True), ("2024-10-01", False), ("2026-03-31", False), ("2026-04-01", True)],
)
def test_a_programme_takes_referrals_between_its_days(referred_on: str, refused: bool) -> None:
    found = faults(
        referral(put("work.off_sick_since", None), referred_on=referred_on), now=datetime(2026, 5, 1, tzinfo=UTC)
    )
    assert found == ({("programme_not_open", "/programme")} if refused else set())


def test_today_is_the_day_in_london() -> None:
    summer = datetime(2025, 6, 30, 23, 30, tzinfo=UTC)  # 1 July in London
    body = referral(referred_on="2025-07-01")
    assert faults(body, now=summer) == set()
    winter = datetime(2025, 1, 31, 23, 30, tzinfo=UTC)
    assert faults(referral(referred_on="2025-02-01"), now=winter) == {("date_in_future", "/referred_on")}


@pytest.mark.parametrize(
    ("route", "kind", "refused"),
    [
        ("gp", "nhs", False),
        ("self", "self", False),
        ("jobcentre_plus", "jobcentre", False),
        ("provider", "provider", False),
        ("employer", "employer", True),
        ("employer", "nhs", True),
        ("gp", "employer", True),
    ],
)
def test_health_detail_comes_by_no_employer(route: str, kind: str, refused: bool) -> None:
    found = {code for code, _ in faults(referral(route=route), kind)}
    assert ("health_detail_not_accepted" in found) == refused
    assert ("route_not_allowed" in found) == (kind == "employer" and route != "employer")


def test_everything_at_once_across_models_and_rules() -> None:
    body: dict[str, Any] = referral(
        put("person.birth_date", "2030-01-01"),
        put("work", {"status": "inactive", "attendance": "working", "hours": 1}),
        put("consents", {}),
        drop("person.family_name"),
        programme="nothing",
        route="employer",
        referred_on="2024-12-24",
    )
    assert faults(body, "employer") == {
        ("born_after_referral", "/person/birth_date"),
        ("attendance_without_work", "/work/attendance"),
        ("unknown_field", "/work/hours"),
        ("consent_required", "/consents/take_part"),
        ("required", "/person/family_name"),
        ("programme_unknown", "/programme"),
        ("health_detail_not_accepted", "/assessment"),
        ("health_detail_not_accepted", "/asks/0"),
        ("date_in_future", "/referred_on"),
    }


@pytest.mark.parametrize("body", [[], None, "x", 1, {}])
def test_what_is_no_referral_says_so(body: object) -> None:
    assert faults(body)


@pytest.mark.parametrize("written", ["M1 1AE", "m11ae", "M11AE", " m1  1ae ", "M1  1AE"])
def test_a_postcode_is_read_in_any_writing(written: str) -> None:
    body = json.dumps(referral(put("person.postcode", written))).encode()
    posted = read_referral(body, organisation_kind="nhs", policy=policy(), now=NOW)
    assert posted.person.postcode == "M1 1AE"
    again = type(posted).model_validate_json(posted.model_dump_json())
    assert again == posted, "what was read can be read again"
