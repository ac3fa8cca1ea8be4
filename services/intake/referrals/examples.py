"""Worked examples of the OpenAPI document; a test posts each of them. The people are synthetic."""

from typing import Any

GP_REFERRAL: dict[str, Any] = {
    "programme": "workwell-greater-manchester",
    "locality": "manchester",
    "provider": {"named": None, "chosen": None},
    "route": "gp",
    "referred_on": "2024-11-18",
    "referrer": {"ods_code": "P84001", "name": "Example Surgery", "reference": "GP-2024-001"},
    "person": {
        "nhs_number": "9990000018",
        "family_name": "Example",
        "given_name": "Ada",
        "birth_date": "1986-04-12",
        "sex": "female",
        "ethnic_category": "H",
        "postcode": "M1 1AE",
        "registered_gp_ods": "P84001",
        "contact": {"phone": "07700900001", "email": "ada@example.org", "preferred": "phone"},
        "language": "en",
        "accessible_needs": ["large_print"],
    },
    "work": {
        "status": "employed",
        "attendance": "off_sick",
        "off_sick_since": "2024-11-04",
        "unemployed_since": None,
        "weekly_hours": 37,
        "job_at_risk": True,
        "highest_qualification_level": 2,
        "annual_earnings_pence": None,
    },
    "eligibility_facts": {
        "right_to_work": True,
        "wants_to_work": True,
        "condition_affects_work": True,
        "jobcentre_office": None,
        "complex_needs": None,
    },
    "assessment": {
        "taken_on": "2024-11-18",
        "conditions": ["musculoskeletal", "back_pain", "anxiety_or_depression"],
        "phq9": {"score": 12, "item9": 0},
        "gad7": {"score": 9},
        "start_msk": {"score": 6},
        "wsas": {"score": 18},
        "red_flags": {"saddle_numbness": False, "bladder_or_bowel_change": False},
        "under_secondary_mental_health_care": False,
        "stressors": ["work_stress"],
        "barriers": ["debt"],
    },
    "asks": ["physiotherapy"],
    "consents": {
        "take_part": {"given": True, "on": "2024-11-18", "channel": "in_person"},
        "share_with_gp": {"given": True, "on": "2024-11-18", "channel": "in_person"},
        "share_with_employer": {"given": False},
    },
    "additional_information": None,
}

EMPLOYER_REFERRAL: dict[str, Any] = {
    "programme": "workwell-greater-manchester",
    "locality": "manchester",
    "route": "employer",
    "referred_on": "2024-11-20",
    "referrer": {"name": "Example Logistics", "reference": "HR-17"},
    "person": {
        "family_name": "Sample",
        "given_name": "Omar",
        "birth_date": "1979-01-30",
        "postcode": "M14 5AA",
        "contact": {"email": "omar@example.org", "preferred": "email"},
    },
    "work": {"status": "employed", "attendance": "struggling", "job_at_risk": True},
    "eligibility_facts": {"right_to_work": True, "wants_to_work": True, "condition_affects_work": True},
    "consents": {"take_part": {"given": True, "on": "2024-11-20", "channel": "phone"}},
}

REFERRAL_EXAMPLES: Any = {
    "gp": {"summary": "From a GP, with an assessment", "value": GP_REFERRAL},
    "employer": {"summary": "From an employer: no health detail", "value": EMPLOYER_REFERRAL},
}

JOINT_ASSESSMENT: dict[str, Any] = {
    "assessment": {"taken_on": "2024-11-25", "phq9": {"score": 17, "item9": 0}, "barriers": ["debt", "housing"]}
}

ASSESSMENT_IN_PARTS: dict[str, Any] = {
    "assessment": {
        "taken_on": "2024-11-25",
        "parts": {"phq9": {"taken_on": "2024-11-21", "version": "paper-2"}, "red_flags": {"taken_on": "2024-11-25"}},
        "phq9": {"score": 14, "item9": 0},
        "start_msk": {"score": 5},
        "red_flags": {"chest_pain": False, "fever": False},
        "conditions": ["back_pain"],
    }
}

ASSESSMENT_EXAMPLES: Any = {
    "joint": {"summary": "A coach's joint assessment, partial", "value": JOINT_ASSESSMENT},
    "parts": {"summary": "Parts of different days, with a tool's edition", "value": ASSESSMENT_IN_PARTS},
}

CONSENT_GIVEN: dict[str, Any] = {
    "consents": {"share_with_employer": {"given": True, "on": "2024-11-25", "channel": "phone"}}
}

CONSENTS_WITHDRAWN: dict[str, Any] = {
    "consents": {
        "share_with_gp": {"given": False, "on": "2024-12-02", "channel": "phone"},
        "share_with_employer": {"given": False, "on": "2024-12-02", "channel": "phone"},
    }
}

CONSENT_EXAMPLES: Any = {
    "given": {"summary": "The person lets their employer be told", "value": CONSENT_GIVEN},
    "withdrawn": {"summary": "Two consents withdrawn; the person goes on taking part", "value": CONSENTS_WITHDRAWN},
}

_ADVICE = "This may be an emergency. Call 999 or go to A&E now. Do not wait for this service to contact you."

REFERRAL_ANSWERS: dict[int | str, dict[str, Any]] = {
    201: {
        "description": "Accepted: recorded for good, with exactly one effect in each service",
        "content": {
            "application/json": {
                "example": {
                    "referral_id": "01933e1b-7f3a-7c11-8f5e-0242ac120002",
                    "status": "accepted",
                    "programme": {"id": "workwell-greater-manchester", "version": "2024.1"},
                    "alternatives": [],
                    "links": {
                        "self": "/referrals/01933e1b-7f3a-7c11-8f5e-0242ac120002",
                        "consents": "/referrals/01933e1b-7f3a-7c11-8f5e-0242ac120002/consents",
                    },
                    "safety": None,
                }
            }
        },
    },
    409: {
        "description": "NHS organisations and providers only: the person has an open referral",
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": {
                    "type": "urn:pathway:problem:duplicate_referral",
                    "title": "Conflict",
                    "status": 409,
                    "detail": "this person has an open referral to this programme",
                    "code": "duplicate_referral",
                    "errors": [{"code": "duplicate_referral", "pointer": "", "message": "..."}],
                    "referral_id": "01933e1b-7f3a-7c11-8f5e-0242ac120002",
                    "safety": {"level": "emergency", "advice": _ADVICE},
                    "request_id": "r-1",
                },
            }
        },
    },
    422: {
        "description": "Malformed or impossible input, or no consent to take part: everything at once",
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": {
                    "type": "urn:pathway:problem:consent_required",
                    "title": "Unprocessable Content",
                    "status": 422,
                    "detail": "a referral needs the consent take_part",
                    "code": "consent_required",
                    "errors": [
                        {"code": "invalid_nhs_number", "pointer": "/person/nhs_number", "message": "..."},
                        {"code": "consent_required", "pointer": "/consents/take_part", "message": "..."},
                    ],
                    "request_id": "r-1",
                },
            }
        },
    },
}
