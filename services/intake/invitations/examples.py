"""Worked examples of the provider route for the OpenAPI document; a test posts each. The people are synthetic."""

from typing import Any

IDENTIFIED: dict[str, Any] = {
    "programme": "workwell-greater-manchester",
    "locality": "manchester",
    "on": "2024-11-18",
    "person": {
        "nhs_number": "9990000026",
        "family_name": "Muster",
        "given_name": "Grace",
        "birth_date": "1990-06-30",
        "postcode": "M14 5AA",
        "contact": {"phone": "07700900002", "preferred": "phone"},
    },
}
INVITED: dict[str, Any] = {"channel": "phone", "on": "2024-11-18"}
ACCEPTED: dict[str, Any] = {
    "referred_on": "2024-11-18",
    "work": {"status": "employed", "attendance": "struggling", "job_at_risk": True},
    "eligibility_facts": {"right_to_work": True, "wants_to_work": True, "condition_affects_work": True},
    "assessment": {
        "taken_on": "2024-11-18",
        "conditions": ["musculoskeletal"],
        "start_msk": {"score": 5},
        "red_flags": {"saddle_numbness": False},
    },
    "consents": {
        "take_part": {"given": True, "on": "2024-11-18", "channel": "phone"},
        "share_with_gp": {"given": False, "on": "2024-11-18", "channel": "phone"},
    },
}
DECLINED: dict[str, Any] = {"reason": "not_now", "on": "2024-11-18"}

IDENTIFY_EXAMPLES: Any = {"identified": {"summary": "A person whom the programme would suit", "value": IDENTIFIED}}
INVITE_EXAMPLES: Any = {"invited": {"summary": "Asked by telephone", "value": INVITED}}
ACCEPTANCE_EXAMPLES: Any = {"accepted": {"summary": "The person comes: the rest of a referral", "value": ACCEPTED}}
DECLINE_EXAMPLES: Any = {"declined": {"summary": "Not at this time", "value": DECLINED}}
