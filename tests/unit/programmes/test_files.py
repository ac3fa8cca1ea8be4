"""The programmes of the repository: published figures as published, one template, codes that exist."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from services.contracts.base import Slug, VersionRef
from services.contracts.codes import Support
from services.contracts.employer_codes import CharterCommitment, EmployerActivity
from services.programmes.book import ProgrammeBook
from services.programmes.creating import NewProgramme, text_of
from services.programmes.model import Programme
from services.programmes.providers import ChosenBy, ProviderNotOffered, choose_provider
from services.programmes.reader import FOLDER, load_book
from services.programmes.register import load_areas
from services.programmes.tiers import Slug as FileSlug

ON = date(2025, 2, 3)
AREAS = [entry for entry in load_areas().codes if entry.area is not None]
LOCAL = {"greater-manchester", "lancashire-and-south-cumbria", "north-central-london"}
NO_SKILLS_LIMIT = {"birmingham-and-solihull", "black-country", "north-central-london", "north-west-london"}
"""London and the West Midlands said that there is none; which areas these are is [common]."""


@pytest.fixture(scope="module")
def book() -> ProgrammeBook:
    return load_book()


def found(book: ProgrammeBook, programme: str, on: date = ON) -> Programme:
    return book.version_for(programme, on)


def test_every_area_and_every_strand_has_a_file(book: ProgrammeBook) -> None:
    strands = {f"working-well-{name}" for name in ("work-and-health", "early-help", "care-and-support")}
    areas = {f"workwell-{entry.area}" for entry in AREAS}
    assert len(areas) == 15
    assert {programme.programme for programme in book if not programme.synthetic} == areas | strands
    assert book.employer_programmes() == ("working-well-in-work",)


@pytest.mark.parametrize("area", [entry.area for entry in AREAS])
def test_an_area_s_file_has_its_code_and_title(book: ProgrammeBook, area: str) -> None:
    programme, entry = found(book, f"workwell-{area}"), load_areas().of_area(area)
    assert entry is not None
    assert (programme.tiers.area.ods_code, programme.tiers.area.title) == (entry.code, entry.title)
    assert programme.title == f"WorkWell {entry.title}"
    assert programme.joining.rule == ("local" if area in LOCAL else "national")


@pytest.mark.parametrize("area", [entry.area for entry in AREAS if entry.area not in LOCAL])
def test_a_file_without_local_facts_is_the_template_s_word_for_word(area: str) -> None:
    entry = load_areas().of_area(area)
    assert entry is not None
    new = NewProgramme(
        f"workwell-{area}",
        f"WorkWell {entry.title}",
        entry.code,
        date(2024, 10, 1),
        skills_earnings_limit=area not in NO_SKILLS_LIMIT,
    )
    assert (FOLDER / new.id / "2024.1.yaml").read_text() == text_of(new, load_areas())


@pytest.mark.parametrize("area", sorted(LOCAL))
def test_a_file_with_local_facts_shares_the_rest(book: ProgrammeBook, area: str) -> None:
    local, shared = found(book, f"workwell-{area}"), found(book, "workwell-frimley")
    assert local.tiers.national == shared.tiers.national
    assert local.joining.routes == shared.joining.routes
    assert local.joining.consents == shared.joining.consents
    assert local.matching.ruleset == shared.matching.ruleset
    assert (local.published_on, local.effective_from) == (shared.published_on, shared.effective_from)


def test_the_published_people_and_money(book: ProgrammeBook) -> None:
    tiers = {entry.area: found(book, f"workwell-{entry.area}").tiers for entry in AREAS}
    known = {area: (t.area.participants, t.area.ceiling_pence) for area, t in tiers.items() if t.area.participants}
    assert known == {"greater-manchester": (8_000, 7_000_000_00)}
    assert {(t.national.participants, t.national.ceiling_pence) for t in tiers.values() if t.national} == {
        (59_000, 64_000_000_00)
    }
    (blackburn,) = tiers["lancashire-and-south-cumbria"].localities
    assert (blackburn.title, blackburn.participants, blackburn.ceiling_pence) == (
        "Blackburn with Darwen",
        1_000,
        807_000_00,
    )


def test_illustrative_cards_stay_within_the_published_averages(book: ProgrammeBook) -> None:
    def each(programme: Programme, contract: str) -> int:
        card = programme.payment.card_for(contract, ON)
        assert card is not None
        assert card.illustrative
        return sum(price.amount_pence * price.at_most for price in card.prices)

    national = found(book, "workwell-frimley")
    assert each(national, "workwell-frimley-main") == 1_084_00 <= 64_000_000_00 // 59_000
    lancashire = found(book, "workwell-lancashire-and-south-cumbria")
    assert each(lancashire, "workwell-blackburn-with-darwen-main") * 1_000 == 807_000_00


@pytest.mark.parametrize(
    ("day", "version", "people"),
    [
        (date(2014, 6, 2), "2014.1", 5_000),
        (date(2016, 3, 31), "2014.1", 5_000),
        (date(2016, 4, 1), "2016.1", 15_000),
        (date(2018, 1, 1), "2018.1", 23_500),
        (date(2023, 12, 31), "2018.1", 23_500),
    ],
)
def test_work_and_health_by_period(book: ProgrammeBook, day: date, version: str, people: int) -> None:
    programme = found(book, "working-well-work-and-health", day)
    area = programme.tiers.area
    assert (programme.version, area.participants, area.takes_referrals_on(day)) == (version, people, True)
    assert {target.code: target.value for target in programme.payment.targets}["into_work_percent"] == 20


def test_work_and_health_takes_nobody_today_and_early_help_up_to_14_000(book: ProgrammeBook) -> None:
    assert not found(book, "working-well-work-and-health").tiers.area.takes_referrals_on(ON)
    assert found(book, "working-well-early-help").tiers.area.participants == 14_000


def test_a_card_of_an_earlier_period_runs_off_under_the_next(book: ProgrammeBook) -> None:
    later = found(book, "working-well-work-and-health", date(2017, 6, 1))
    assert later.payment.card_for("working-well-work-and-health-main", date(2017, 6, 1)) is not None


def test_what_a_programme_offers_are_supports_that_exist(book: ProgrammeBook) -> None:
    care = found(book, "working-well-care-and-support")
    assert care.support.offers == ("volunteering", "meaningful_activity", "wellbeing")
    assert {code for programme in book for code in programme.support.offers} <= {support.value for support in Support}


def test_in_work_is_about_employers(book: ProgrammeBook) -> None:
    programme = book.for_employers("working-well-in-work", ON)
    assert programme is not None
    assert "working-well-in-work" not in book
    assert book.find("working-well-in-work", ON) is None
    assert book.for_employers("working-well-in-work", date(2024, 9, 30)) is None
    assert {entry.code for entry in programme.promotion.charter_commitments} == {c.value for c in CharterCommitment}
    assert {entry.code for entry in programme.promotion.activities} == {a.value for a in EmployerActivity}


def test_every_id_fits_into_an_event(book: ProgrammeBook) -> None:
    slug: TypeAdapter[str] = TypeAdapter(Slug)
    for programme in book:
        VersionRef.model_validate({"id": programme.programme, "version": programme.version})
        for _, contract in programme.tiers.contracts():
            slug.validate_python(contract.id)
            slug.validate_python(contract.provider)
        for place in programme.tiers.localities:
            slug.validate_python(place.code)
    with pytest.raises(ValidationError):
        slug.validate_python("a" * 65)
    TypeAdapter(FileSlug).validate_python("a" * 64)
    with pytest.raises(ValidationError):
        TypeAdapter(FileSlug).validate_python("a" * 65)


@pytest.mark.parametrize(
    ("title", "one", "other", "overlap"),
    [
        ("two areas of WorkWell", "workwell-frimley", "workwell-greater-manchester", True),
        ("a programme and itself", "workwell-frimley", "workwell-frimley", True),
        (
            "WorkWell and early help in Greater Manchester",
            "workwell-greater-manchester",
            "working-well-early-help",
            True,
        ),
        ("and the other way round", "working-well-early-help", "workwell-greater-manchester", True),
        ("WorkWell elsewhere and early help", "workwell-frimley", "working-well-early-help", False),
        ("two strands of Working Well", "working-well-early-help", "working-well-care-and-support", True),
        ("a linked referral from WorkWell", "workwell-greater-manchester", "working-well-care-and-support", False),
        ("a strand that has ended supports people on", "working-well-early-help", "working-well-work-and-health", True),
    ],
)
def test_who_is_not_funded_twice(book: ProgrammeBook, title: str, one: str, other: str, overlap: bool) -> None:
    assert (other in book.overlapping(one, ON)) is overlap, title


def test_an_overlap_may_be_named_by_the_other_side_alone(book: ProgrammeBook) -> None:
    early, frimley = found(book, "working-well-early-help"), found(book, "workwell-frimley")
    silent = frimley.model_copy(update={"joining": frimley.joining.model_copy(update={"overlaps": ()})})
    naming = early.model_copy(update={"joining": early.joining.model_copy(update={"overlaps": (frimley.programme,)})})
    both = ProgrammeBook([silent, naming])
    assert both.overlapping(frimley.programme, ON) == {frimley.programme, early.programme}
    assert both.overlapping(frimley.programme, date(2020, 1, 1)) == {frimley.programme}, "neither had begun"


def test_a_programme_that_has_ended_overlaps_still_because_it_supports_people_on(book: ProgrammeBook) -> None:
    early = found(book, "working-well-early-help")
    ended = early.model_copy(update={"effective_to": date(2024, 12, 31)})
    manchester = found(book, "workwell-greater-manchester")
    silent = manchester.model_copy(update={"joining": manchester.joining.model_copy(update={"overlaps": ()})})
    both = ProgrammeBook([ended, silent])
    assert both.find(ended.programme, ON) is None
    assert both.overlapping(ended.programme, ON) == {ended.programme, silent.programme}
    assert both.overlapping(silent.programme, ON) == {ended.programme, silent.programme}


def test_every_overlap_names_a_programme(book: ProgrammeBook) -> None:
    ids = {programme.programme for programme in book}
    for programme in book:
        for name in programme.joining.overlaps:
            assert any(other.startswith(name[:-1]) if name.endswith("*") else other == name for other in ids), name


def test_a_referral_without_a_locality_goes_to_the_area_s_own_contract(book: ProgrammeBook) -> None:
    lancashire = found(book, "workwell-lancashire-and-south-cumbria")

    def choose(locality: str | None, named: str | None = None) -> tuple[str, str, ChosenBy] | None:
        made = choose_provider(lancashire, locality, referral_id="1", on=ON, named=named, chosen=None)
        return None if made is None else (made.provider, made.contract, made.by)

    area = "lancashire-and-south-cumbria-provider"
    assert choose(None) == (area, "workwell-lancashire-and-south-cumbria-main", ChosenBy.LIST)
    assert choose(None, area) == (area, "workwell-lancashire-and-south-cumbria-main", ChosenBy.NAMED)
    assert choose("blackburn-with-darwen") == (
        "blackburn-with-darwen-provider",
        "workwell-blackburn-with-darwen-main",
        ChosenBy.LIST,
    )
    assert choose("nowhere") is None
    with pytest.raises(ProviderNotOffered, match="the area"):
        choose(None, "blackburn-with-darwen-provider")
    manchester = found(book, "workwell-greater-manchester")
    assert choose_provider(manchester, None, referral_id="1", on=ON, named=None, chosen=None) is None


def test_no_file_is_longer_than_a_person_reads(book: ProgrammeBook) -> None:
    for path in FOLDER.glob("*/*.yaml"):
        lines = path.read_text().splitlines()
        assert len(lines) < 290, path
        assert max(map(len, lines)) <= 120, path
        assert "[illustrative]" in path.read_text(), path
        assert Path(path).name.endswith(".1.yaml")
