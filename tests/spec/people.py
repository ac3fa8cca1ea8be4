"""Referrals for tables: a person of whom everything was asked and who needs nothing, changed row by row."""

from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from services.contracts import types
from services.contracts.assessment import Assessment
from services.contracts.codes import RedFlag
from services.contracts.referral import ReferralCreated
from services.contracts.triage import Findings, TriageCompleted
from services.kernel.decision import Draft, Event, Received
from services.kernel.ids import event_id
from services.kernel.runtime.fold import encode
from services.kernel.sealing.content import Sealed
from services.programmes.reader import load_book
from services.triage.domain.decide import decide
from services.triage.domain.policy import TriagePolicy
from services.triage.domain.state import TriageState, evolve
from services.triage.rulefile import load_rulebook
from tests.parts.keys import key_of

REFERRAL = "00000000-0000-4000-8000-000000000001"
PERSON = "00000000-0000-4000-8000-000000000002"
PROGRAMME = "workwell-greater-manchester"
NOW = datetime(2024, 11, 18, 9, 30, tzinfo=UTC)
TODAY = date(2024, 11, 18)

NO_RED_FLAGS: dict[str, bool | None] = {flag.value: False for flag in RedFlag}

_FACTS: dict[str, Any] = {
    "job_at_risk": False,
    "off_sick_since": None,
    "unemployed_since": None,
    "weekly_hours": 37,
    "highest_qualification_level": 3,
    "earnings_band": "from_35k",
    "local_gp": True,
    "complex_needs": False,
}
_ANSWERS: dict[str, Any] = {
    "taken_on": TODAY.isoformat(),
    "conditions": [],
    "phq9": 0,
    "item9": 0,
    "gad7": 0,
    "start_msk": 0,
    "wsas": 0,
    "red_flags": {},
    "under_secondary_mental_health_care": False,
    "stressors": [],
    "barriers": [],
}
NOT_ASKED: dict[str, Any] = dict.fromkeys(_ANSWERS, None)
"""Every answer is missing."""


@cache
def policy() -> TriagePolicy:
    """Return the policy of the repository's own files."""
    return TriagePolicy(load_book(), load_rulebook())


def answers(**said: Any) -> Assessment:
    """Return answers: scores by name, the rest as in the contract; what is not named was not asked."""
    flags = said.pop("red_flags", None)
    phq9 = {"score": said.pop("phq9", None), "item9": said.pop("item9", None)}
    scored = {name: said.pop(name, None) for name in ("gad7", "start_msk", "wsas")}
    plain = {
        **said,
        "red_flags": flags,
        "phq9": None if phq9 == {"score": None, "item9": None} else phq9,
        **{name: None if score is None else {"score": score} for name, score in scored.items()},
    }
    return Assessment.model_validate(plain, strict=False)


def referral(**given: Any) -> ReferralCreated:
    """Return a referral: everything asked and nothing needed, but for what is ``given``.

    Names are those of the facts, the answers (scores by name; ``red_flags`` adds to "all answered no",
    None: not asked) and of ``age_band``, ``work``, ``attendance``, ``asks``, ``eligibility``.
    """
    given = dict(given)
    facts = {name: given.pop(name, value) for name, value in _FACTS.items()}
    said = {name: given.pop(name, value) for name, value in _ANSWERS.items()}
    if said["red_flags"] is not None:
        said["red_flags"] = {**NO_RED_FLAGS, **said["red_flags"]}
    no_assessment = given.pop("no_assessment", False)
    data = {
        "referral_id": given.pop("referral_id", REFERRAL),
        "person_id": PERSON,
        "programme": {"id": PROGRAMME, "version": "2024.1"},
        "area_code": "QOP",
        "locality": "manchester",
        "provider": "big-life",
        "contract": "wwgm-manchester-big-life",
        "route": given.pop("route", "gp"),
        "referred_on": given.pop("referred_on", TODAY),
        "occurred_on": given.pop("occurred_on", TODAY),
        "age_band": given.pop("age_band", "35-49"),
        "work": {"status": given.pop("work", "employed"), "attendance": given.pop("attendance", "working")},
        "received_at": NOW,
        "asks": given.pop("asks", []),
        "facts": facts,
        "consents": {"take_part": None, "share_with_gp": None, "share_with_employer": None},
        "eligibility": given.pop("eligibility", {"outcome": "eligible", "reasons": []}),
        "equality": {"sex": None, "ethnic_group": None, "imd_quintile": None},
        "language": "en",
        "formats": [],
        "priority_groups": [],
        "linked_referral": given.pop("linked_referral", None),
        "takes_over": False,
        "referrer": given.pop("referrer", None),
        "sealed": {"assessment": None if no_assessment else Sealed.of(answers(**said))},
    }
    if given:
        raise TypeError(f"no such fact: {', '.join(given)}")
    return ReferralCreated.model_validate(data, strict=False)


def triage(**given: Any) -> TriageCompleted:
    """Return the first decision about a referral."""
    return first(referral(**given))


def first(of: ReferralCreated) -> TriageCompleted:
    """Return the first decision about a referral that is at hand."""
    drafts = decide(None, received(types.REFERRAL_CREATED, of, 1), policy=policy(), now=NOW)
    assert [draft.type for draft in drafts] == [types.TRIAGE_COMPLETED]
    data = drafts[0].data
    assert isinstance(data, TriageCompleted)
    return data


def received(event_type: str, data: Any, sequence: int) -> Received:
    """Return an event of intake's, with an id that follows from its place."""
    return Received(event_id(REFERRAL, event_type, sequence), event_type, data.referral_id, data, NOW, sequence)


def minted(cause_id: str, drafts: list[Draft], after: int = 0) -> list[Event]:
    """Return drafts as the kernel mints them."""
    return [
        Event(
            event_id(cause_id, draft.type, ordinal),
            draft.type,
            REFERRAL,
            after + ordinal + 1,
            draft.data,
            draft.occurred_at or NOW,
            draft.policy,
        )
        for ordinal, draft in enumerate(drafts)
    ]


def fold(state: TriageState | None, cause_id: str, drafts: list[Draft], after: int = 0) -> TriageState | None:
    """Fold what was decided, minted and sealed as the kernel does it."""
    for event in minted(cause_id, drafts, after):
        encode(event, key_of(PERSON))
        state = evolve(state, event)
    return state


def supports(decision: TriageCompleted) -> list[str]:
    """Return the package's supports in order."""
    return [item.support.value for item in decision.package]


def rules(decision: TriageCompleted) -> list[str]:
    """Return the rules that gave the package."""
    return [reason.rule for reason in findings(decision).reasons]


def findings(decision: TriageCompleted) -> Findings:
    """Return what a decision keeps sealed, opened."""
    return decision.sealed.findings.content


def answered(of: ReferralCreated | TriageCompleted) -> Assessment | None:
    """Return the answers that a referral or a decision holds, opened."""
    return None if of.sealed.assessment is None else of.sealed.assessment.content
