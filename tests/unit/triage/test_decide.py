"""What follows from each event and from an acknowledgement; folding gives what the next decision needs."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.contracts import types
from services.contracts.assessment import Assessment, Phq9, StartMsk
from services.contracts.base import carry
from services.contracts.codes import (
    Condition,
    EligibilityDecision,
    RedFlag,
    TriageOutcome,
    Urgency,
    WithdrawalReason,
)
from services.contracts.referral import (
    Consent,
    ConsentChange,
    Correction,
    Eligibility,
    EligibilityContested,
    EligibilityDecided,
    ReferralAssessed,
    ReferralConsentChanged,
    ReferralCorrected,
    ReferralCreated,
    ReferralEligibilityContested,
    ReferralEligibilityDecided,
    ReferralWithdrawn,
    SealedAssessment,
    Withdrawal,
)
from services.contracts.safety_codes import SafetyAction
from services.contracts.triage import TriageAcknowledged, TriageCompleted, TriageRelayed
from services.kernel.decision import Command, Draft, PolicyMissing, Refused
from services.kernel.runtime.fold import encode
from services.kernel.sealing.content import ContentErased, Sealed, unlock
from services.kernel.sealing.subject_key import ERASED, SubjectKey
from services.programmes.book import NoProgramme
from services.triage.domain.decide import ACKNOWLEDGE, Acknowledge, decide
from services.triage.domain.reissue import reissue
from services.triage.domain.state import TriageState, acknowledged, awaited
from tests.parts.keys import key_of, opened
from tests.spec.people import (
    NOW,
    PERSON,
    REFERRAL,
    answered,
    answers,
    findings,
    fold,
    minted,
    policy,
    received,
    referral,
    rules,
    supports,
)

LATER = datetime(2024, 11, 20, 23, 30, tzinfo=UTC)
DONE = (SafetyAction.PERSON_SAFE,)
BY = "assessor-1"
ACKNOWLEDGED = "01935f00-0000-7000-8000-000000000001"
"""The id of the command that acknowledges."""
REVIEW: dict[str, Any] = {"outcome": "review", "reasons": [{"code": "outside_area", "known": True}]}


def decided(outcome: EligibilityDecision, area_code: str | None = None) -> EligibilityDecided:
    return EligibilityDecided(
        by=BY, outcome=outcome, reasons=(), unmet=(), alternatives=(), area_code=area_code, contested=False
    )


class Triage:
    """One referral's triage: what was decided, folded after each step."""

    def __init__(self, **given: Any) -> None:
        self.created: ReferralCreated = referral(**given)
        self.state: TriageState | None = None
        self.sequence = 0
        self.receive(types.REFERRAL_CREATED, self.created)

    def receive(self, event_type: str, data: Any) -> list[Draft]:
        self.sequence += 1
        cause = received(event_type, data, self.sequence)
        drafts = decide(self.state, cause, policy=policy(), now=NOW)
        self.state = fold(self.state, cause.id, drafts, self.sequence)
        return drafts

    def assess(self, **said: Any) -> list[Draft]:
        part = SealedAssessment(assessment=Sealed.of(answers(**said)))
        data = ReferralAssessed(**self.common(), received_at=NOW, by=BY, sealed=part)
        return self.receive(types.REFERRAL_ASSESSED, data)

    def withdraw(self) -> list[Draft]:
        change = Withdrawal(by=BY, reason=WithdrawalReason.CHANGED_MIND, channel=None)
        return self.receive(
            types.REFERRAL_WITHDRAWN, ReferralWithdrawn(**self.common(), received_at=NOW, change=change)
        )

    def decide_eligibility(self, outcome: EligibilityDecision) -> list[Draft]:
        data = ReferralEligibilityDecided(**self.common(), received_at=NOW, change=decided(outcome))
        return self.receive(types.REFERRAL_ELIGIBILITY_DECIDED, data)

    def contest_eligibility(self) -> list[Draft]:
        change = EligibilityContested(by=BY, reasons=(), unmet=(), channel=None)
        data = ReferralEligibilityContested(**self.common(), received_at=NOW, change=change)
        return self.receive(types.REFERRAL_ELIGIBILITY_CONTESTED, data)

    def acknowledge(
        self,
        revision: int | None = None,
        actor: str = "nurse-7",
        now: datetime = LATER,
        actions: tuple[SafetyAction, ...] = DONE,
    ) -> list[Draft]:
        command = Command(ACKNOWLEDGED, ACKNOWLEDGE, REFERRAL, Acknowledge(revision=revision, actions=actions), actor)
        drafts = decide(self.state, command, policy=policy(), now=now)
        self.state = fold(self.state, command.id, drafts, self.sequence)
        return drafts

    def common(self, **changed: Any) -> dict[str, Any]:
        return carry(self.created, **changed)

    @property
    def decision(self) -> TriageCompleted:
        assert self.state is not None
        return self.state.decision

    def outcome(self) -> TriageOutcome:
        return self.decision.outcome

    def awaits(self) -> tuple[str, ...]:
        """The rules that await a person, as state and decision say alike."""
        assert self.state is not None
        assert awaited(self.state) == findings(self.decision).awaits
        assert (self.state.awaiting_since is None) == (awaited(self.state) == ())
        return awaited(self.state)

    def acknowledged(self) -> tuple[str, ...]:
        assert self.state is not None
        return acknowledged(self.state)

    def answers(self) -> Assessment:
        given = answered(self.decision)
        assert given is not None
        return given


def kinds(drafts: list[Draft]) -> list[str]:
    return [draft.type.split(".")[-2] for draft in drafts]


def test_the_first_revision_carries_the_answers_and_names_its_rules() -> None:
    triage = Triage(phq9=12)
    assert triage.decision.revision == 1
    assert triage.decision.sealed.assessment is triage.created.sealed.assessment
    drafts = decide(None, received(types.REFERRAL_CREATED, triage.created, 1), policy=policy(), now=NOW)
    assert drafts[0].policy is not None
    assert drafts[0].policy.header().startswith("workwell-matching;2024.1;")
    assert drafts[0].policy.sha256 == triage.decision.ruleset.sha256


def test_every_revision_says_which_referral_it_is_additional_to() -> None:
    """Its red flags are read like any other's: a hold is a hold, whatever else the person has open."""
    first = "0192f3a1-5c77-4b0e-9d43-6a1f0c2e7b10"
    triage = Triage(linked_referral=first, red_flags={"chest_pain": True})
    assert decision(triage).linked_referral == first
    assert decision(triage).outcome is TriageOutcome.HELD
    triage.assess(phq9=12)
    triage.acknowledge()
    assert (decision(triage).revision, decision(triage).linked_referral) == (3, first)


def decision(triage: Triage) -> TriageCompleted:
    assert triage.state is not None
    return triage.state.decision


def test_the_same_referral_again_gives_nothing() -> None:
    triage = Triage()
    assert triage.receive(types.REFERRAL_CREATED, triage.created) == []


@pytest.mark.parametrize(
    "event_type",
    [types.REFERRAL_ASSESSED, types.REFERRAL_WITHDRAWN, types.REFERRAL_CORRECTED, types.REFERRAL_CONSENT_CHANGED],
)
def test_a_later_fact_about_an_unknown_referral_gives_nothing(event_type: str) -> None:
    assert decide(None, received(event_type, referral(), 2), policy=policy(), now=NOW) == []


def test_an_event_of_another_kind_gives_nothing() -> None:
    triage = Triage()
    assert triage.receive("uk.workhealth.referral.admired.v1", triage.created) == []


def test_an_assessment_gives_the_next_revision() -> None:
    triage = Triage(no_assessment=True, attendance="off_sick")
    assert supports(triage.decision) == ["coach_assessment", "employer_conversation"]
    drafts = triage.assess(
        conditions=["anxiety_or_depression"], phq9=12, gad7=9, under_secondary_mental_health_care=False
    )
    assert kinds(drafts) == ["completed"]
    assert triage.decision.revision == 2
    assert supports(triage.decision) == ["talking_therapies", "employer_conversation"]


def test_a_part_that_is_not_answered_replaces_nothing() -> None:
    triage = Triage(phq9=12, item9=0, conditions=["back_pain"], start_msk=6, barriers=["debt"], red_flags=None)
    triage.assess(start_msk=3)
    first = triage.answers()
    assert (first.start_msk, first.phq9) == (StartMsk(score=3), Phq9(score=12, item9=0))
    triage.assess(phq9=5, barriers=[], red_flags={"fever": False, "chest_pain": None})
    triage.assess(red_flags={"fever": None, "night_pain": False})
    joined = triage.answers()
    assert (joined.barriers, joined.conditions) == ((), (Condition.BACK_PAIN,))
    assert joined.red_flags == {RedFlag.FEVER: False, RedFlag.CHEST_PAIN: None, RedFlag.NIGHT_PAIN: False}
    assert joined.phq9 == Phq9(score=5, item9=None), "the sum and item 9 are of one sitting"
    assert triage.decision.revision == 4


def test_an_assessment_may_bring_a_hold() -> None:
    triage = Triage(phq9=12)
    triage.assess(item9=2)
    assert (triage.outcome(), triage.decision.revision) == (TriageOutcome.HELD, 2)
    assert triage.state is not None
    assert (triage.awaits(), triage.state.awaiting_since) == (("R02",), NOW)


def test_a_second_hold_does_not_restart_the_clock() -> None:
    triage = Triage(item9=1)
    assert triage.state is not None
    earlier = triage.state.model_copy(update={"awaiting_since": datetime(2024, 11, 1, tzinfo=UTC)})
    triage.state = earlier
    triage.assess(red_flags={"chest_pain": True})
    assert triage.awaits() == ("R01", "R02")
    assert triage.state.awaiting_since == earlier.awaiting_since


def test_no_answer_releases_a_hold() -> None:
    triage = Triage(item9=2)
    triage.assess(item9=0)
    assert triage.outcome() is TriageOutcome.HELD
    assert triage.awaits() == ("R02",)


@pytest.mark.parametrize(
    ("given", "rule", "package"),
    [
        ({"red_flags": {"chest_pain": True}, "phq9": 12}, "R01", ["talking_therapies"]),
        ({"item9": 1, "phq9": 12}, "R02", ["talking_therapies"]),
        (
            {"red_flags": {"fever": True}, "conditions": ["back_pain"], "start_msk": 6},
            "R03",
            ["physiotherapy"],
        ),
    ],
)
def test_an_acknowledgement_releases_and_decides_again(given: dict[str, Any], rule: str, package: list[str]) -> None:
    triage = Triage(**given)
    assert rules(triage.decision)[0] == rule
    drafts = triage.acknowledge()
    assert kinds(drafts) == ["acknowledged", "completed"]
    acknowledged = drafts[0].data
    assert isinstance(acknowledged, TriageAcknowledged)
    assert (acknowledged.revision, acknowledged.by, acknowledged.acknowledged_at) == (1, "nurse-7", LATER)
    assert acknowledged.occurred_on == date(2024, 11, 20)
    assert triage.decision.revision == 2
    assert triage.outcome() is TriageOutcome.RECOMMENDED
    assert findings(triage.decision).urgency is Urgency.ROUTINE
    assert supports(triage.decision) == package
    assert triage.state is not None
    assert (triage.awaits(), triage.state.awaiting_since) == ((), None)
    assert triage.acknowledged() == (rule,)


def test_the_day_of_an_acknowledgement_is_london_s() -> None:
    triage = Triage(item9=1)
    drafts = triage.acknowledge(now=datetime(2025, 6, 30, 23, 30, tzinfo=UTC))
    acknowledged = drafts[0].data
    assert isinstance(acknowledged, TriageAcknowledged)
    assert acknowledged.occurred_on == date(2025, 7, 1)


def test_an_acknowledgement_covers_the_answers_that_were_seen() -> None:
    triage = Triage(item9=1)
    triage.acknowledge()
    triage.assess(barriers=["debt"])
    assert triage.outcome() is TriageOutcome.RECOMMENDED, "nothing new was said of self-harm"
    triage.assess(item9=1)
    assert triage.outcome() is TriageOutcome.HELD, "a new positive answer asks again"
    assert triage.acknowledged() == ()


def test_back_pain_named_later_makes_an_earlier_sign_urgent() -> None:
    triage = Triage(red_flags={"fever": True}, start_msk=6)
    assert triage.awaits() == ()
    triage.assess(conditions=["back_pain"])
    assert triage.awaits() == ("R03",)
    triage.acknowledge()
    triage.assess(red_flags={"night_pain": True})
    assert triage.awaits() == ("R03",), "back pain is known from an earlier part"


def refusal(triage: Triage, revision: int | None = None) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        triage.acknowledge(revision)
    return refused.value.status, refused.value.reasons[0].code


def test_what_cannot_be_acknowledged() -> None:
    assert refusal(Triage()) == (409, "nothing_to_acknowledge")
    assert refusal(Triage(item9=1), revision=2) == (409, "revision_changed")
    unknown = Triage(item9=1)
    unknown.state = None
    assert refusal(unknown) == (404, "referral_not_found")
    twice = Triage(item9=1)
    twice.acknowledge(revision=1)
    assert refusal(twice, revision=2) == (409, "nothing_to_acknowledge")


def test_a_withdrawal_is_passed_on_and_ends_decisions() -> None:
    triage = Triage(item9=1)
    drafts = triage.withdraw()
    assert kinds(drafts) == ["relayed"]
    relayed = drafts[0].data
    assert isinstance(relayed, TriageRelayed)
    assert relayed.origin == received(types.REFERRAL_WITHDRAWN, triage.created, 2).id
    assert triage.assess(phq9=20) == []
    assert kinds(triage.decide_eligibility(EligibilityDecision.NOT_ELIGIBLE)) == ["relayed"]
    assert kinds(triage.acknowledge()) == ["acknowledged"], "a hold is still taken up, and nothing is decided"
    assert triage.decision.revision == 1


def test_a_referral_under_review_is_triaged() -> None:
    triage = Triage(phq9=12, eligibility=REVIEW)
    assert triage.outcome() is TriageOutcome.RECOMMENDED
    assert triage.decision.eligibility == Eligibility.model_validate(REVIEW, strict=False)


def test_not_eligible_only_by_a_person_s_decision_and_back() -> None:
    triage = Triage(phq9=12)
    assert kinds(triage.decide_eligibility(EligibilityDecision.ELIGIBLE)) == ["relayed"], "nothing else changes"
    assert kinds(triage.decide_eligibility(EligibilityDecision.NOT_ELIGIBLE)) == ["relayed", "completed"]
    assert triage.outcome() is TriageOutcome.NOT_ELIGIBLE
    assert supports(triage.decision) == ["talking_therapies"], "a package is never empty"
    triage.assess(barriers=["debt"])
    assert triage.outcome() is TriageOutcome.NOT_ELIGIBLE
    triage.decide_eligibility(EligibilityDecision.ELIGIBLE)
    assert triage.outcome() is TriageOutcome.RECOMMENDED
    assert triage.decision.revision == 4


def test_a_contest_takes_the_decision_back_until_another_person_decides() -> None:
    triage = Triage(phq9=12, eligibility=REVIEW)
    triage.decide_eligibility(EligibilityDecision.NOT_ELIGIBLE)
    assert kinds(triage.contest_eligibility()) == ["relayed", "completed"]
    assert triage.outcome() is TriageOutcome.RECOMMENDED
    assert triage.state is not None
    assert triage.state.eligibility_decided is None
    assert kinds(triage.decide_eligibility(EligibilityDecision.NOT_ELIGIBLE)) == ["relayed", "completed"]
    assert triage.outcome() is TriageOutcome.NOT_ELIGIBLE


def test_a_hold_comes_before_a_decision_on_eligibility() -> None:
    triage = Triage(item9=1)
    assert kinds(triage.decide_eligibility(EligibilityDecision.NOT_ELIGIBLE)) == ["relayed"]
    assert triage.outcome() is TriageOutcome.HELD
    triage.acknowledge()
    assert triage.outcome() is TriageOutcome.NOT_ELIGIBLE


def test_a_consent_is_passed_on_and_known_to_the_next_decision() -> None:
    triage = Triage()
    change = ConsentChange.model_validate(
        {"by": BY, "consent": "share_with_gp", "given": True, "channel": "phone"}, strict=False
    )
    data = ReferralConsentChanged(**triage.common(), received_at=NOW, change=change)
    assert kinds(triage.receive(types.REFERRAL_CONSENT_CHANGED, data)) == ["relayed"]
    triage.assess(barriers=["debt"])
    expected = Consent(given=True, on=triage.created.occurred_on, channel=change.channel)
    assert triage.decision.consents.share_with_gp == expected


def test_corrected_facts_are_decided_again() -> None:
    triage = Triage(conditions=["back_pain"], start_msk=2)
    created = triage.created
    facts = created.facts.model_copy(update={"complex_needs": True})
    change = Correction(
        by=BY,
        fields=("complex_needs",),
        asks=created.asks,
        facts=facts,
        equality=created.equality,
        eligibility=Eligibility.model_validate(REVIEW, strict=False),
        eligibility_decided=EligibilityDecision.ELIGIBLE,
        language="cy",
        formats=(),
        priority_groups=("work_at_risk",),
    )
    data = ReferralCorrected(**triage.common(), received_at=NOW, change=change)
    assert kinds(triage.receive(types.REFERRAL_CORRECTED, data)) == ["relayed", "completed"]
    assert supports(triage.decision) == ["msk_self_management", "supported_employment"]
    assert (triage.decision.language, triage.decision.priority_groups) == ("cy", ("work_at_risk",))
    assert triage.decision.eligibility == change.eligibility
    assert triage.state is not None
    assert triage.state.eligibility_decided is EligibilityDecision.ELIGIBLE


def test_a_day_without_a_programme_file_is_an_error_that_says_so() -> None:
    before = referral(referred_on=date(2024, 9, 30), occurred_on=date(2024, 9, 30))
    assert issubclass(NoProgramme, PolicyMissing), "a worker stops for it"
    with pytest.raises(NoProgramme, match="in effect on 2024-09-30"):
        decide(None, received(types.REFERRAL_CREATED, before, 1), policy=policy(), now=NOW)


def digest(key: SubjectKey | None = None, **given: Any) -> str:
    """The digest of what a first decision read, as it leaves the process."""
    created = referral(**given)
    cause = received(types.REFERRAL_CREATED, created, 1)
    (event,) = minted(cause.id, decide(None, cause, policy=policy(), now=NOW))
    return str(json.loads(encode(event, key or key_of(PERSON)))["input_digest"])


def test_the_digest_follows_the_input_and_the_person_s_key() -> None:
    assert digest(phq9=12) == digest(phq9=12)
    assert digest(phq9=12) != digest(phq9=13)
    assert digest(phq9=12) != digest(phq9=12, age_band="25-34")
    assert digest(phq9=12) != digest(phq9=12, asks=["skills"])
    assert digest(phq9=12) != digest(SubjectKey(PERSON, "another", b"k" * 32), phq9=12)


def test_a_state_survives_its_json() -> None:
    triage = Triage(item9=1, phq9=12)
    assert triage.state is not None
    text = triage.state.model_dump_json()
    again = opened(TriageState, text, PERSON)
    assert again == triage.state
    assert findings(again.decision) == findings(triage.decision)
    assert again.decision.sealed.assessment is not None
    assert again.decision.sealed.assessment.content == triage.answers()
    assert len(text) < 4096
    triage.state = again
    assert kinds(triage.acknowledge()) == ["acknowledged", "completed"]


def test_a_state_says_nothing_of_what_was_found() -> None:
    """Neither in its JSON nor where a traceback would print it."""
    triage = Triage(item9=1, phq9=12, conditions=["back_pain"], stressors=["bereavement"])
    assert triage.state is not None
    for text in (triage.state.model_dump_json(), repr(triage.state), str(triage.decision)):
        for word in ("phq9", "item9", "back_pain", "bereavement", "R02", "self_harm", "urgency"):
            assert word not in text


def test_a_command_issued_again_gives_the_same_bytes() -> None:
    triage = Triage(item9=1)
    before = triage.state
    assert before is not None
    drafts = triage.acknowledge()
    written = [encode(event, key_of(PERSON)) for event in minted(ACKNOWLEDGED, drafts, triage.sequence)]
    acknowledgement, _ = minted(ACKNOWLEDGED, drafts, triage.sequence)
    command = reissue(acknowledgement, ACKNOWLEDGED)
    stored = opened(TriageState, before.model_dump_json(), PERSON)
    again = decide(stored, command, policy=policy(), now=acknowledgement.data.acknowledged_at)
    assert [encode(event, key_of(PERSON)) for event in minted(ACKNOWLEDGED, again, triage.sequence)] == written


# Of an erased person.


def erased(triage: Triage) -> Triage:
    """The same, as it is read from its table once the person's key is destroyed."""
    assert triage.state is not None
    found: list[Sealed[Any]] = []
    triage.state = TriageState.model_validate_json(triage.state.model_dump_json(), context=found)
    unlock(found, ERASED)
    return triage


def test_what_needs_content_is_not_decided_and_what_does_not_is_passed_on() -> None:
    triage = erased(Triage(item9=1))
    before = triage.state
    with pytest.raises(ContentErased):
        triage.assess(phq9=3)
    with pytest.raises(ContentErased):
        triage.decide_eligibility(EligibilityDecision.NOT_ELIGIBLE)
    with pytest.raises(ContentErased):
        triage.acknowledge()
    assert triage.state is before
    assert kinds(triage.withdraw()) == ["relayed"]
    assert triage.assess(phq9=3) == [], "after a withdrawal nothing is read, so nothing is missed"


GONE = (SafetyAction.DATA_ERASED, SafetyAction.REFERRER_INFORMED)


def test_what_nobody_can_look_at_any_more_is_ended_by_a_person_without_a_key() -> None:
    triage = erased(Triage(item9=1, red_flags={"chest_pain": True}))
    (done,) = triage.acknowledge(actions=GONE)
    assert isinstance(done.data, TriageAcknowledged)
    assert (done.type, done.data.by, done.data.actions) == (types.TRIAGE_ACKNOWLEDGED, "nurse-7", GONE)
    assert triage.state is not None
    assert triage.state.awaiting_since is None
    assert [task.done is not None for task in triage.state.tasks] == [True, True]
    assert triage.decision.revision == 1, "nothing is decided any more"


@pytest.mark.parametrize("withdrawn", [False, True])
def test_nobody_is_called_erased_whose_answers_can_be_read(withdrawn: bool) -> None:
    triage = Triage(item9=1)
    if withdrawn:
        triage.withdraw()
    with pytest.raises(Refused) as refused:
        triage.acknowledge(actions=GONE)
    assert (refused.value.status, refused.value.reasons[0].code) == (422, "not_erased")


def test_a_refusal_needs_no_key() -> None:
    assert refusal(erased(Triage())) == (409, "nothing_to_acknowledge")
    assert refusal(erased(Triage(item9=1)), revision=2) == (409, "revision_changed")
