"""What the OpenAPI document says of explanations. A test makes each example again from its facts. All synthetic."""

from typing import Any

SHA256 = "5b2f8e1c9a4d7063f1e8b5c2a9d6037418be52cf96a3d07e4b1f85c29e6d30a7"

_HEAD: dict[str, Any] = {
    "referral_id": "00000000-0000-4000-8000-000000000001",
    "revision": 1,
    "decided_on": "2024-11-18",
    "ruleset": {"id": "workwell-matching", "version": "2024.1", "sha256": SHA256},
    "missing": None,
}
_EMPLOYED: dict[str, Any] = {
    "field": "work_status",
    "value": "employed",
    "asked": True,
    "applies": True,
    "said": "They have a job.",
}
_OFF_SICK: dict[str, Any] = {
    "field": "attendance",
    "value": "off_sick",
    "asked": True,
    "applies": True,
    "said": "They are off sick.",
}

COACH: dict[str, Any] = {
    **_HEAD,
    "summary": [
        "Triage suggests NHS Talking Therapies and a talk with the employer. A coach confirms or changes this."
    ],
    "outcome": "recommended",
    "urgency": "routine",
    "cause": None,
    "intensity": "light_touch",
    "intensity_said": ["Expected: light touch."],
    "package": [
        {
            "support": "talking_therapies",
            "intensity": "step_2",
            "after": [],
            "rules": ["R10"],
            "said": "NHS Talking Therapies (step 2 likely, mostly guided self-help): R10 (Talking therapies, step "
            "2 likely).",
        },
        {
            "support": "employer_conversation",
            "intensity": None,
            "after": [],
            "rules": ["R30"],
            "said": "A talk with the employer: R30 (Talk with the employer).",
        },
    ],
    "alternatives": ["counselling"],
    "needs": [
        {
            "need": "mental_health",
            "title": "Mental health",
            "winner": "R10",
            "also": [],
            "said": "Mental health: R10 (Talking therapies, step 2 likely) won. It is the first rule for this need "
            "that fits.",
            "runner_up": {
                "rule": "R11",
                "support": "talking_therapies",
                "lost": "not_known",
                "by": ["R10"],
                "said": "NHS Talking Therapies, by R11 (Talking therapies, step 3 likely), came second. "
                "Nobody can tell whether it fits. Nobody has asked about their GAD-7 score "
                "(worry).",
            },
        }
    ],
    "rules": [
        {
            "rule": "R30",
            "code": "work_affected",
            "title": "Talk with the employer",
            "text": "The person has work and is off sick or struggling in it. A conversation with the employer about "
            "adjustments and what the fit note allows; for the self-employed, adjustments to the business.",
            "kind": "matching",
            "need": "workplace",
            "level": None,
            "status": "fired",
            "by": [],
            "verdict": "This rule counts.",
            "because": ["They have a job.", "They are off sick."],
            "change_said": "This rule would no longer count if they have no work and do not look for it now.",
            "facts": [_EMPLOYED, _OFF_SICK],
            "condition": {
                "kind": "all",
                "truth": True,
                "name": None,
                "field": None,
                "parameter": None,
                "operator": None,
                "wanted": None,
                "parts": [
                    {
                        "kind": "test",
                        "truth": True,
                        "name": None,
                        "field": "work_status",
                        "parameter": None,
                        "operator": "in",
                        "wanted": ["employed", "self_employed"],
                        "parts": [],
                    },
                    {
                        "kind": "test",
                        "truth": True,
                        "name": None,
                        "field": "attendance",
                        "parameter": None,
                        "operator": "in",
                        "wanted": ["off_sick", "struggling"],
                        "parts": [],
                    },
                ],
            },
            "gives": [{"support": "employer_conversation", "intensity": None, "stopped": False}],
            "would_change": {"field": "work_status", "before": "employed", "after": "inactive", "fires": False},
        }
    ],
}
"""Of the rules and needs, one each."""

REFERRER: dict[str, Any] = {
    **_HEAD,
    "summary": [
        "Triage has looked at the referral. A coach talks the next steps over with the person.",
        "15 rules look at health. They are for the person and their coach, and are not shown here.",
    ],
    "status": "triaged",
    "rules": [
        {
            "rule": "R30",
            "title": "Talk with the employer",
            "fits": True,
            "because": ["They have a job.", "They are off sick."],
            "facts": [_EMPLOYED, _OFF_SICK],
        },
        {
            "rule": "R32",
            "title": "Employment advice",
            "fits": False,
            "because": [
                "They have a job. The rule asks that they have no work.",
                "Their job is not at risk. The rule asks that their job is at risk.",
            ],
            "facts": [
                _EMPLOYED,
                {
                    "field": "out_of_work_days",
                    "value": None,
                    "asked": False,
                    "applies": False,
                    "said": "Their time out of work does not apply.",
                },
                {
                    "field": "job_at_risk",
                    "value": False,
                    "asked": True,
                    "applies": True,
                    "said": "Their job is not at risk.",
                },
            ],
        },
    ],
    "not_told": 15,
}

PARTICIPANT: dict[str, Any] = {
    **_HEAD,
    "summary": ["We suggest NHS Talking Therapies and a talk with the employer."],
    "safety": [],
    "suggestions": [
        {
            "support": "talking_therapies",
            "said": "NHS Talking Therapies.",
            "because": [
                "Your age is 35 to 49.",
                "You are not under a specialist mental health team.",
                "No health condition was named.",
                "You are with a local GP.",
                "Your PHQ-9 score (low mood) is 12.",
            ],
        },
        {
            "support": "employer_conversation",
            "said": "A talk with the employer.",
            "because": ["You have a job.", "You are off sick."],
        },
    ],
    "not_asked": ["Nobody has asked about your GAD-7 score (worry)."],
    "choice": [
        "Nothing here is decided for you. A coach talks it over with you first.",
        "You can say no to any of it, or ask for something else.",
        "You can ask which facts we used, and have a wrong one put right.",
        "You can ask for a person to look at all of it again.",
    ],
    "rules_used": "We used the rules workwell-matching, version 2024.1. Their proof mark is "
    "5b2f8e1c9a4d7063f1e8b5c2a9d6037418be52cf96a3d07e4b1f85c29e6d30a7.",
}

EXPLANATION_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Why the current decision came about, for the reader whom `view` names",
        "content": {
            "application/json": {
                "examples": {
                    "coach": {"summary": "The whole, for staff (one rule and one need of all)", "value": COACH},
                    "referrer": {"summary": "Without clinical facts", "value": REFERRER},
                    "participant": {"summary": "For the person", "value": PARTICIPANT},
                }
            }
        },
    }
}
