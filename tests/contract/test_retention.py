"""Every topic and table has a retention class, each period says where it comes from, and faulty files are refused."""

import re
import shutil
from pathlib import Path

import pytest

from services.composition import NAMES
from services.kernel.catalogue import CatalogueError
from services.kernel.http.claims import KEPT_FOR
from services.kernel.retention import EndsBy, Retention, load_retention
from tests.contract.published import SCHEMAS


@pytest.fixture(scope="module")
def retention() -> Retention:
    return load_retention()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("topics", "tables"):
        shutil.copytree(SCHEMAS / name, tmp_path / name)
    shutil.copy(SCHEMAS / "retention.yaml", tmp_path)
    return tmp_path


def test_every_service_has_its_tables(retention: Retention) -> None:
    assert set(retention.services()) == set(NAMES)


def test_every_class_is_used(retention: Retention) -> None:
    used = {entry.retention_class for tables in retention.tables.values() for entry in tables.values()}
    used |= {topic.retention_class for topic in retention.topics.values()}
    assert set(retention.classes) - used == {"key_backups"}, "backups are files"


def test_what_is_sealed_or_names_somebody_says_whose_it_is(retention: Retention) -> None:
    for service in retention.services():
        for name, entry in retention.tables_of(service).items():
            if {"sealed", "identifying"} & set(entry.columns.values()):
                assert entry.whose is not None, (service, name)
                assert entry.legal_hold.by == "whose", (service, name)


def test_what_identifies_goes_with_the_person(retention: Retention) -> None:
    for service in retention.services():
        for name, entry in retention.tables_of(service).items():
            if "identifying" in entry.columns.values():
                assert retention.classes[entry.retention_class].ends_by is EndsBy.ERASING, (service, name)


def test_only_intake_names_people(retention: Retention) -> None:
    naming = {
        service
        for service in retention.services()
        for entry in retention.tables_of(service).values()
        if "identifying" in entry.columns.values()
    }
    assert naming == {"intake"}


def test_no_period_claims_a_source_that_was_not_read(retention: Retention) -> None:
    for name, entry in retention.classes.items():
        assert re.match(r"\[(common|illustrative|design)\] ", entry.source), name


def test_answers_are_kept_as_long_as_clients_are_promised(retention: Retention) -> None:
    assert retention.classes["request_answers"].at_least_days == KEPT_FOR.days


def test_nothing_of_the_topics_goes(retention: Retention) -> None:
    for topic in retention.topics.values():
        assert retention.classes[topic.retention_class].ends_by in {EndsBy.ARCHIVING, EndsBy.STAYING}
        assert topic.retention_ms == -1


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("topics/plan.updated", "retention_class: programme_audit\n", "", "Field required"),
        ("topics/plan.updated", "retention_class: programme_audit", "retention_class: ages", "no class ages"),
        ("tables/intake", "retention_class: health_record", "retention_class: ages", "no class ages"),
        ("tables/intake", "column: person_id", "column: who", "no column who"),
        ("tables/intake", "since: created_at", "since: made_at", "no column made_at"),
        ("tables/intake", "since: referral.received_at", "since: referral.sent_at", "no column referral.sent_at"),
        ("tables/intake", "service: intake", "service: outtake", "the file is named intake"),
        ("tables/intake", '    when_over: "the row is deleted"\n', "", "belongs to classes that end by erasing"),
        ("tables/intake", "legal_hold: {by: whose}", "legal_hold: {by: none}", "needs a reason"),
        ("tables/intake", "is: subject", "is: row_of", "a row of which table"),
        ("tables/triage", "    whose: {column: referral_id, is: key}\n", "", "whose the rows are is not said"),
        ("tables/intake", "nhs_number: identifying", "nhs_number: public", "Input should be"),
        ("retention", "years: 8", "years: 8\n    days: 9", "years and days both"),
        ("retention", "    days: 90\n", "", "has no period"),
        ("retention", 'source: "[illustrative] a grant', 'source: "a grant', "match pattern"),
        ("retention", "  - classes: [secret]", "  - classes: [open]", "no basis for class secret"),
    ],
)
def test_a_faulty_file_is_refused_with_its_place(copy: Path, file: str, old: str, new: str, message: str) -> None:
    path = copy / f"{file}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(CatalogueError, match=re.escape(message)) as refusal:
        load_retention(copy)
    assert all(fault.remedy for fault in refusal.value.faults)


def test_the_kernel_s_tables_cannot_be_left_out(copy: Path) -> None:
    (copy / "tables" / "kernel.yaml").unlink()
    with pytest.raises(CatalogueError, match="the kernel's tables are nowhere"):
        load_retention(copy)
