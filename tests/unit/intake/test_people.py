"""Who is the same person, and that intake's tables are what its models say."""

import json
from datetime import date

import pytest

from services.intake.consents.history import CONSENT, ConsentFactRow
from services.intake.domain.posted import PersonPosted
from services.intake.eligibility.reviews import REVIEW, EligibilityReviewRow
from services.intake.people.near_matches import NEAR_MATCH, NearMatchRow
from services.intake.people.recognising import MatchKeys, lock_names, match_keys
from services.intake.store import DETAILS, PERSON, REFERRAL, STATUS, Person, ReferralPerson, ReferralRow, ReferralStatus
from services.intake.word_back.owed import WORD, WordBackRow
from services.kernel.service import Table
from tests.unit.intake.referrals import referral

LATER = {"survivor", "decision", "decided_by", "decided_at"}
"""Written by a merge, and by whoever decides on a near match."""


def keys(**changed: object) -> MatchKeys:
    person = {**referral()["person"], **changed}
    return match_keys(PersonPosted.model_validate_json(json.dumps(person)))


def test_spelling_counts_without_case_accents_and_punctuation() -> None:
    one = keys(family_name="O'Brien-Núñez", given_name="Zoë")
    two = keys(family_name="OBRIEN NUNEZ ", given_name="zoe", nhs_number=None)
    assert one.name_key == two.name_key
    assert two.nhs_number is None


def test_another_birth_date_or_postcode_is_another_key() -> None:
    assert len({keys().name_key, keys(birth_date="1986-04-13").name_key, keys(postcode="M1 1AF").name_key}) == 3


def test_names_in_other_scripts_are_kept() -> None:
    assert keys(family_name="Ковальчук").name_key != keys(family_name="Шевченко").name_key


def test_without_a_postcode_a_name_recognises_nobody() -> None:
    assert keys(postcode=None).name_key is None


def test_what_is_locked() -> None:
    names = lock_names(MatchKeys("9990000018", "a|b|c|d", date(1986, 4, 12), "a|b|d"), "P84001", "r1")
    assert names == ("nhs|9990000018", "name|a|b|c|d", "reference|P84001|r1", "born|1986-04-12", "home|a|b|d")
    assert lock_names(MatchKeys(None, None), "P84001", None) == (None, None, None, None, None)


def test_people_whose_day_and_month_may_be_swapped_wait_for_one_another() -> None:
    assert keys(birth_date="1986-04-12").born == keys(birth_date="1986-12-04").born
    assert keys(birth_date="1986-04-13").born != keys(birth_date="1986-04-12").born


@pytest.mark.parametrize(
    ("table", "model"),
    [
        (PERSON, Person),
        (REFERRAL, ReferralRow),
        (DETAILS, ReferralPerson),
        (STATUS, ReferralStatus),
        (CONSENT, ConsentFactRow),
        (NEAR_MATCH, NearMatchRow),
        (REVIEW, EligibilityReviewRow),
    ],
)
def test_rows_are_written_to_the_columns_of_the_models(table: Table, model: type) -> None:
    assert table.name == model.__tablename__  # type: ignore[attr-defined]
    columns = [c.name for c in model.__table__.columns if c.name not in LATER]  # type: ignore[attr-defined]
    assert [name for name, _ in table.columns] == columns


def test_word_is_written_to_the_columns_of_its_model() -> None:
    columns = [c.name for c in WordBackRow.__table__.columns]  # type: ignore[attr-defined]
    assert f"INSERT INTO {WordBackRow.__tablename__} ({', '.join(columns)})" in WORD.statement
