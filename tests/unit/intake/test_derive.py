"""What an accepted referral says in codes, and that nothing in it identifies a person."""

import json
from typing import Any

import pytest
from pydantic_core import PydanticSerializationError

from services.contracts import types
from services.contracts.assessment import Phq9
from services.contracts.referral import ReferralCreated, UnmetRequirement, referrer_of
from services.intake.domain.posted import ReferralPosted
from services.intake.domain.referral import CREATE, CreateReferral, decide
from services.intake.domain.standing import evolve
from services.intake.service import build
from services.intake.store import ADDITIONAL_INFORMATION, REFERRAL
from services.kernel.decision import Command, Event, Refused
from services.kernel.runtime.fold import Aggregate, Lineage, Output, Sealing, apply, encode
from services.kernel.sealing.content import ContentErased, KeyMissing
from services.kernel.sealing.errors import SealInvalid
from services.kernel.sealing.subject_key import ERASED, KeyFound
from services.kernel.sealing.tokens import digest, open_token
from tests.parts.keys import key_of, opened
from tests.unit.intake.referrals import NOW, Change, drop, policy, put, referral

REFERRAL_ID = "01933e1b-7f3a-7c11-8f5e-0242ac120002"
PERSON_ID = "5b7c1f60-2d3e-4a88-8f19-0c9e4d7a2f35"
SERVICE = build()


def create(body: dict[str, Any], kind: str = "nhs") -> Command:
    data = CreateReferral(
        posted=ReferralPosted.model_validate_json(json.dumps(body)),
        person_id=PERSON_ID,
        linked_referral=None,
        organisation_id="P84001",
        organisation_kind=kind,
    )
    return Command(id="01933e1b-7f3a-7c11-8f5e-0242ac120009", type=CREATE, key=REFERRAL_ID, data=data, actor="s1")


def created(*changes: Change, **fields: Any) -> ReferralCreated:
    [draft] = decide(None, create(referral(*changes, **fields)), policy=policy(), now=NOW)
    assert draft.type == types.REFERRAL_CREATED
    assert draft.policy is not None
    assert draft.policy.id == "workwell-greater-manchester"
    data = draft.data
    assert isinstance(data, ReferralCreated)
    return data


def codes(reasons: tuple[UnmetRequirement, ...]) -> tuple[str, ...]:
    return tuple(reason.code for reason in reasons)


def run(cause: Command, key: KeyFound) -> Output:
    output = Output()
    sealing = Sealing({PERSON_ID: key})
    apply(SERVICE, policy(), Aggregate(REFERRAL_ID), cause, NOW, Lineage(NOW, "c"), output, sealing)
    return output


@pytest.mark.parametrize(
    ("change", "outcome", "reasons"),
    [
        (put("person.birth_date", "2008-11-18"), "eligible", ()),
        (put("person.birth_date", "2008-11-19"), "review", ("under_16",)),
        (put("eligibility_facts.right_to_work", False), "review", ("no_right_to_work",)),
        (put("eligibility_facts.right_to_work", None), "review", ("no_right_to_work",)),
        (put("eligibility_facts.wants_to_work", False), "review", ("does_not_want_to_work",)),
        (put("person.postcode", "LS1 1AA"), "eligible", ()),
        (put("person.registered_gp_ods", "Y00001"), "eligible", ()),
    ],
)
def test_eligibility_is_proposed_with_its_reasons(change: Change, outcome: str, reasons: tuple[str, ...]) -> None:
    found = created(change).eligibility
    assert (found.outcome.value, codes(found.reasons)) == (outcome, reasons)


@pytest.mark.parametrize(
    ("postcode", "practice", "office", "outcome"),
    [
        ("M1 1AE", None, None, "eligible"),
        ("LS1 1AA", "P84001", None, "eligible"),
        ("LS1 1AA", None, "rusholme", "eligible"),
        ("LS1 1AA", None, None, "review"),
        ("OL12 0AA", None, None, "review"),  # the border cuts it: not known
        (None, None, None, "review"),
        (None, None, "leeds", "review"),
    ],
)
def test_resident_or_gp_or_jobcentre_is_enough(
    postcode: str | None, practice: str | None, office: str | None, outcome: str
) -> None:
    found = created(
        put("person.postcode", postcode),
        put("person.registered_gp_ods", practice),
        put("eligibility_facts.jobcentre_office", office),
    )
    assert found.eligibility.outcome.value == outcome
    assert codes(found.eligibility.reasons) == (("outside_area",) if outcome == "review" else ())
    assert found.facts.local_gp is (True if practice == "P84001" else None)


@pytest.mark.parametrize(
    ("born", "band"), [("2006-11-18", "18"), ("2006-11-19", "16-17"), ("1959-11-18", "65+"), ("1959-11-19", "50-64")]
)
def test_age_is_a_band_on_the_day_of_the_referral(born: str, band: str) -> None:
    assert created(put("person.birth_date", born)).age_band == band


@pytest.mark.parametrize(
    ("work", "groups"),
    [
        ({"status": "employed", "job_at_risk": True}, ("work_at_risk",)),
        ({"status": "employed"}, ()),
        ({"status": "unemployed", "unemployed_since": "2024-08-26"}, ("recently_unemployed",)),
        ({"status": "unemployed", "unemployed_since": "2024-08-25"}, ()),
        ({"status": "unemployed"}, ()),
    ],
)
def test_priority_groups(work: dict[str, Any], groups: tuple[str, ...]) -> None:
    assert created(put("work", work), drop("person.ethnic_category")).priority_groups == groups


def test_the_provider_named_comes_before_the_one_chosen_and_the_list_is_by_the_referrals_id() -> None:
    assert created(put("provider.named", "big-life")).provider == "big-life"
    both = created(put("provider", {"named": "big-life", "chosen": "growth-company"}))
    assert (both.provider, both.contract) == ("big-life", "wwgm-manchester-big-life")
    assert created().provider == created(put("person.ethnic_category", "N")).provider
    nowhere = created(put("locality", None))
    assert (nowhere.provider, nowhere.contract, nowhere.area_code) == (None, None, "QOP")


def test_questions_that_were_not_asked_stay_null() -> None:
    found = created(put("work", {"status": "employed"}), drop("assessment"), put("eligibility_facts", {}))
    assert set(found.facts.model_dump(exclude={"local_gp"}).values()) == {None}
    assert found.sealed.assessment is None
    assert found.consents.share_with_employer is not None
    assert found.consents.share_with_employer.given is False


def test_the_event_is_what_subscribers_may_read() -> None:
    body = referral(additional_information="Her sister Jo knows")
    data = created(additional_information=body["additional_information"])
    event = encode(Event("e", types.REFERRAL_CREATED, REFERRAL_ID, 1, data, NOW), key_of(PERSON_ID)).decode()
    person = body["person"]
    identifying = [
        *(person[n] for n in ("nhs_number", "family_name", "birth_date", "postcode", "registered_gp_ods")),
        *(person["contact"][n] for n in ("phone", "email")),
        *body["referrer"].values(),
        body["additional_information"],
        "Ada",
        "1986",
        '"H"',
        "P84001",
    ]
    assert [text for text in identifying if text in event] == []
    assert opened(ReferralCreated, event, PERSON_ID) == data
    for word in ("phq9", "back_pain", "work_stress"):
        assert word not in event


def test_who_referred_is_known_again_by_a_digest_and_only_of_the_nhs_and_providers() -> None:
    data = created()
    encode(Event("e", types.REFERRAL_CREATED, REFERRAL_ID, 1, data, NOW), key_of(PERSON_ID))
    assert data.referrer is not None
    assert data.referrer.value == digest(key_of(PERSON_ID), *referrer_of("P84001"))
    assert data.referrer.value != digest(key_of(PERSON_ID), *referrer_of("P84002"))
    assert data.referrer.value != digest(key_of("somebody-else"), *referrer_of("P84001"))
    for kind, route in (("jobcentre", "jobcentre_plus"), ("community", "community"), ("self", "self")):
        [draft] = decide(None, create(referral(route=route), kind), policy=policy(), now=NOW)
        assert isinstance(draft.data, ReferralCreated)
        assert draft.data.referrer is None, kind


def test_answers_leave_only_under_the_persons_key() -> None:
    event = Event("e", types.REFERRAL_CREATED, REFERRAL_ID, 1, created(), NOW)
    with pytest.raises(PydanticSerializationError, match="NotSealed: a digest is not made"):
        event.data.model_dump_json()
    with pytest.raises(KeyMissing):
        encode(event)
    with pytest.raises(ContentErased):
        encode(event, ERASED)
    said = opened(ReferralCreated, encode(event, key_of(PERSON_ID)), PERSON_ID).sealed.assessment
    assert said is not None
    assert said.content.phq9 == Phq9(score=12, item9=0)
    other = opened(ReferralCreated, encode(event, key_of(PERSON_ID)), "somebody-else").sealed.assessment
    assert other is not None
    with pytest.raises(SealInvalid):
        assert other.content


def test_what_was_added_in_words_is_kept_sealed() -> None:
    said = "Her sister Jo knows"
    cause = create(referral(additional_information=said))
    output = run(cause, key_of(PERSON_ID))
    [row] = output.rows[REFERRAL]
    assert said not in repr(output)
    kept = dict(zip((name for name, _ in REFERRAL.columns), row, strict=True))["additional_information"]
    assert open_token(kept, key_of(PERSON_ID), ADDITIONAL_INFORMATION, {PERSON_ID}) == said
    for refused in (cause, create(referral(additional_information=said, assessment=None))):
        with pytest.raises(Refused, match="person_erased"):
            run(refused, ERASED)


def test_state_follows_from_the_event_alone() -> None:
    data = created()
    event = Event("e", types.REFERRAL_CREATED, REFERRAL_ID, 1, data, NOW)
    state = evolve(None, event)
    assert state.common.referral_id == REFERRAL_ID
    assert not state.withdrawn
    assert type(state).model_validate_json(state.model_dump_json()) == state
    with pytest.raises(ValueError, match="before"):
        evolve(None, Event("e", types.REFERRAL_WITHDRAWN, REFERRAL_ID, 1, data, NOW))
