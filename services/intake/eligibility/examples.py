"""Worked examples of corrections, decisions and contests in the OpenAPI document; a test posts each. All synthetic."""

from typing import Any

RIGHT_TO_WORK: dict[str, Any] = {"eligibility_facts": {"right_to_work": True}}

CORRECTION_EXAMPLES: Any = {
    "asked": {"summary": "The right to work was not asked; now it is known", "value": RIGHT_TO_WORK},
    "person": {
        "summary": "A birth date and a postcode were wrong; the practice is not known after all",
        "value": {"person": {"birth_date": "1986-04-21", "postcode": "m1 2ab", "registered_gp_ods": None}},
    },
    "work": {
        "summary": "The person was out of work already on the day of the referral",
        "value": {
            "work": {
                "status": "unemployed",
                "attendance": None,
                "off_sick_since": None,
                "unemployed_since": "2024-11-01",
                "job_at_risk": None,
            }
        },
    },
}

ELIGIBLE: dict[str, Any] = {"outcome": "eligible", "reasons": ["facts_established"], "unmet": ["no_right_to_work"]}
NOT_ELIGIBLE: dict[str, Any] = {
    "outcome": "not_eligible",
    "reasons": ["requirement_confirmed"],
    "alternatives": ["jobcentre_plus"],
}

DECISION_EXAMPLES: Any = {
    "override": {"summary": "The person may take part after all", "value": ELIGIBLE},
    "confirm": {"summary": "The person may not, and was told where to turn", "value": NOT_ELIGIBLE},
}

CONTEST_EXAMPLES: Any = {
    "contest": {
        "summary": "The person says by telephone that the facts are wrong",
        "value": {"reasons": ["facts_wrong"], "channel": "phone"},
    },
}
