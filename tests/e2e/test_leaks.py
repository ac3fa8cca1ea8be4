"""Nothing of a person is where it should not be: one life of the whole system with markers in every personal field.

Everything is asked of it that is accepted, refused, repeated, malformed or forged; processes are killed, fail with
tracebacks and log all they can; operators look at what was set aside, export a person, merge, restrict, hold and erase
others, let retention run, put back keys and a database. Then every place is searched: topics, logs, metrics, answers,
processes, names of files, backups of keys, the database's own log, every column of every table. Each search is shown a
leak too.
"""

import asyncio
import base64
import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from services.contracts.assessment import Assessment
from services.embedded.postgres import Postgres
from services.embedded.processes import Supervisor
from services.intake.domain.posted import ReferralPosted
from services.kernel.logs import ALLOWED
from tests.e2e.leaks import acts, caller, careless, invited, letters
from tests.e2e.leaks.caller import Told
from tests.e2e.leaks.evidence import TOKEN, Evidence, Watch, names_below, record_text
from tests.e2e.leaks.markers import (
    GRAVE,
    HEALTH,
    IN_THE_EVENT,
    MARKED,
    NO_WORD,
    WHOLE,
    Markers,
    Person,
    health_in,
    pointers,
    spellings,
)
from tests.e2e.leaks.operators import GONE
from tests.e2e.leaks.story import ADA, GRACE, IMPORTED, IN_VAIN, WIDENED, lived, markers
from tests.parts.databases import Databases
from tests.parts.kafka import Broker

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(300)]

OURS = markers()
ALL = OURS | caller.OF_REQUESTS | letters.WORDS
TABLES = Path(__file__).resolve().parents[2] / "schemas" / "tables"
IDENTIFYING = {
    "intake.person": {"nhs_number", "name_key"},
    "intake.referral": {"reference", "referrer_name"},
    "intake.referral_details": {
        *("nhs_number", "family_name", "given_name", "birth_date", "sex", "ethnic_category", "postcode"),
        *("registered_gp_ods", "contact", "language", "accessible_needs", "family_key", "given_key"),
        "eligibility_facts",
    },
    "intake.invitation_details": {
        *("nhs_number", "family_name", "given_name", "birth_date", "sex", "ethnic_category", "postcode"),
        *("registered_gp_ods", "contact", "language", "accessible_needs"),
    },
}
"""Where a person may be named: nowhere else, and the catalogue of tables says the same."""
ORIGINALS = {"record_key", "value", "headers"}
"""What a dead letter keeps of a record as it came, whoever wrote it."""
SHOWN = {"dlq show >": "the whole letter, on demand"}
"""Commands that show a person's data on stdout, since that is what they are asked for."""


@pytest.fixture(scope="module")
def run(
    kafka: Broker, postgres: Postgres, _templates: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Evidence]:
    folder = tmp_path_factory.mktemp("leaks")
    databases = Databases(postgres, _templates)
    with Supervisor(folder / "logs") as processes:
        try:
            yield asyncio.run(lived(kafka, databases, processes, folder, f"{databases.name}."))
        finally:
            processes.stop()
            databases.close()


def leaks(texts: dict[str, str], words: Markers = ALL, *, health: bool = True) -> dict[str, set[str]]:
    """The places in which something stands, with what."""
    found = {place: words.found_in(text) | (health_in(text) if health else set()) for place, text in texts.items()}
    return {place: names for place, names in found.items() if names}


def answers(told: list[Told]) -> dict[str, str]:
    return {f"{number} {one.asked} {one.status}": one.text for number, one in enumerate(told)}


# What the run is worth.


def test_every_field_of_a_referral_is_marked_or_said_to_need_no_mark() -> None:
    fields = {pointer for pointer in pointers(ReferralPosted) if not pointer.startswith(HEALTH)}
    assert fields == MARKED | IN_THE_EVENT | set(NO_WORD)
    assert not MARKED & IN_THE_EVENT
    assert set(Person(1).details()) == MARKED
    answered = {pointer for pointer in pointers(ReferralPosted) if pointer.startswith(HEALTH)}
    only_null = {"named_before"}  # triage's own: what a referrer posts in it is refused
    assert {pointer.split("/")[2] for pointer in answered} == set(WHOLE) | only_null


def test_the_run_had_everything_in_it(run: Evidence) -> None:
    """The searches say nothing of what never happened."""
    statuses = {one.status for one in run.told}
    assert statuses >= {200, 201, 400, 401, 404, 409, 413, 415, 422, 500}
    codes = set(re.findall(r'"code":"([a-z_0-9]+)"', "".join(one.text for one in run.told)))
    assert codes >= {
        *("duplicate_referral", "reference_used", "idempotency_key_reused", "health_detail_not_accepted"),
        *("unknown_field", "unknown_code", "wrong_type", "invalid_date", "out_of_range", "too_long", "invalid_json"),
        *("consent_required", "born_after_referral", "body_too_large", "duplicate_key", "lone_surrogate", "too_deep"),
    }
    texts = run.topics()
    kinds = {name: sum(f".{name}/" in place for place in texts) for name in ("referral.created", "plan.updated")}
    assert min(kinds.values()) > 3
    assert any(caller.TRACE in text and caller.GOOD_ID in text for text in texts.values())
    letter_codes = set(run.columns["triage.dead_letter.code"].split())
    assert letter_codes >= {
        *("envelope_incomplete", "key_malformed", "data_invalid", "id_malformed", "source_not_producer"),
        *("type_unknown", "too_deep", "RuntimeError"),
    }
    assert "unknown_version" in run.columns["intake.consumer_stop.reason"]
    assert "redrive" not in run.columns["triage.operator_action.action"]
    assert "discard" in run.columns["triage.operator_action.action"]
    assert run.columns["vault.operator_action.action"].split().count("person.export") == 1
    assert run.columns["vault.erasure.reason"].split().count("person_asked") == 2
    assert run.columns["vault.erasure.reason"].split().count("retention_ended") == 1
    crashes = [json.loads(line) for line in run.logs["triage-worker"].splitlines() if '"crashed"' in line]
    assert any("RuntimeError" in line["error"] and "settle" in line["error"] for line in crashes)
    assert "duplicate key value violates unique constraint" in run.server_log
    assert all("# TYPE" in text for text in run.metrics.values())
    assert len(run.metrics) == 10


def test_operators_did_with_people_all_that_can_be_done(run: Evidence) -> None:
    done = {name for name, status in run.statuses.items() if status == 0}
    assert done >= {"backup", "merge", "hold", "restrict", "release", "erase", "retention", "list", "export"}
    assert done >= {"keys back", "restore intake", "restore vault"}
    refused = {name: status for name, status in run.statuses.items() if status and not name.startswith("import")}
    assert refused == {"held": 1, "erased": 1, "retention dry": 3, "not a number": 1, "dlq redrive": 1}
    assert "legal_hold" in run.commands["held 2>"]
    assert "person_erased" in run.commands["erased 2>"]
    noted = set(run.columns["vault.operator_action.action"].split())
    assert noted >= {"person.merge", "person.restrict", "person.erase", "person.export", "hold.add", "hold.release"}
    assert noted >= {"retention.run", "vault.restore", "restore"}
    assert "retention.empty" in run.columns["triage.operator_action.action"]


def test_what_operators_leave_is_looked_at(run: Evidence) -> None:
    """A pseudonym is no secret, and is found in each place in which theirs was dealt with."""
    somebody = Markers({"somebody": run.pseudonym})
    assert set(leaks(run.commands, somebody)) >= {"merge >", "restrict >", "erase >", "list >"}
    assert set(leaks(run.columns, somebody)) >= {
        *("vault.operator_action.target", "vault.operator_action.detail", "vault.erasure.subject"),
        *("vault.subject_key.subject", "vault.outbox.key", "intake.person.person_id"),
    }
    assert any(".person.changed/" in place for place in leaks(run.topics(), somebody))
    assert any("person show" in run.processes[place] for place in leaks(run.processes, somebody))
    assert set(leaks(run.files, somebody)) == set(run.files)
    for words in ("person merge", "person erase", "retention run", "vault backup", "vault restore", "restore intake"):
        assert any(words in text for text in run.processes.values()), words


def test_the_person_who_asks_gets_everything(run: Evidence) -> None:
    """What is searched for elsewhere is in the export: names, numbers, answers, words."""
    assert {name.rsplit(".", 1)[1] for name in run.exported} == {"json", "html"}
    gone = {"/eligibility_facts/jobcentre_office", "/work/annual_earnings_pence"}
    wanted = {name for name in GRACE.markers().words if name.rsplit(" of ", 1)[0] not in gone}
    for name, text in run.exported.items():
        assert wanted <= OURS.found_in(text), name
        assert "scores in a row" in health_in(re.sub(r"(<[^>]*>|\s)+", " ", text)), name
    assert {name.rsplit(" of ", 1)[1] for name in leaks(run.exported, health=False).popitem()[1]} <= {"2", "an address"}


def test_what_was_rejected_of_a_file_is_its_owners(run: Evidence) -> None:
    """The rows that a person must correct stand in the file that they asked for; nowhere else, as is searched below."""
    assert "reference_used" in run.rejects
    assert "digits_lost" in run.rejects
    assert {name.rsplit(" ", 1)[1] for name in OURS.found_in(run.rejects)} >= {str(IMPORTED.number), str(ADA.number)}
    counts = json.loads(run.commands["import again >"])["counts"]
    assert (counts["already_imported"], counts["duplicate"], counts["rejected"]) == (1, 2, 2), counts
    assert "accepted" in run.commands["import >"]
    assert "column A is not known" in run.commands["import headless 2>"]
    assert "unreachable" in run.commands["import unsent 2>"]


# What must be found nowhere.


def test_nothing_is_in_a_topic(run: Evidence) -> None:
    assert leaks(run.topics()) == {}


def test_nothing_is_in_a_log(run: Evidence) -> None:
    assert leaks(run.logs) == {}


def test_nothing_is_in_what_a_command_prints(run: Evidence) -> None:
    imports = {name: text for name, text in run.commands.items() if name.startswith("import")}
    assert len(imports) == 10
    assert leaks(imports, health=False) == {}
    # columns and codes are named, what stands in them is not
    assert all("scores in a row" not in health_in(text) for text in imports.values())
    found = leaks({name: text for name, text in run.commands.items() if name not in imports})
    assert set(found) == set(SHOWN)
    assert set.union(*found.values()) <= {*letters.WORDS.words, "2023-08-31", "musculoskeletal", "start_msk"}


def test_nothing_is_in_the_metrics(run: Evidence) -> None:
    assert leaks(run.metrics) == {}


def test_an_answer_names_fields_and_codes_and_repeats_no_value(run: Evidence) -> None:
    """The name of a field that nobody knows is repeated to who sent it: they must find it. It is nowhere else."""
    assert leaks(answers(run.told), health=False) == {}
    naming = Markers({"a field": acts.NAMED})
    assert leaks(answers(run.told), naming, health=False)
    elsewhere = (run.topics(), run.logs, run.metrics, run.columns, run.commands, {"log": run.server_log})
    assert [leaks(texts, naming, health=False) for texts in elsewhere] == [{}] * len(elsewhere)


def test_nothing_is_in_arguments_or_environment_of_a_process(run: Evidence) -> None:
    assert sum("services.cli" in place for place in run.processes) > 12
    assert leaks(run.processes) == {}


def test_nothing_is_in_the_name_of_a_file(run: Evidence) -> None:
    assert any(name.endswith(".json") and "/exports/person-" in name for name in run.names)
    assert leaks({"names": "\n".join(run.names)}) == {}


def test_nothing_is_in_a_backup_of_keys(run: Evidence) -> None:
    assert leaks(run.files) == {}


def test_nothing_is_in_the_databases_own_log(run: Evidence) -> None:
    assert leaks({"log": run.server_log}) == {}


def test_a_person_is_named_in_the_columns_that_are_for_it_and_in_no_other(run: Evidence) -> None:
    named = {f"{table}.{column}" for table, columns in IDENTIFYING.items() for column in columns}
    dead = {f"{service}.dead_letter.{column}" for service in ("triage", "intake") for column in ORIGINALS}
    assert set(leaks(run.columns, OURS, health=False)) <= named
    assert set(leaks(run.columns, caller.OF_REQUESTS | letters.WORDS, health=False)) <= dead
    assert set(leaks(run.columns, Markers({}))) <= dead
    assert set(leaks(run.columns, ADA.markers(), health=False)) > {"intake.person.nhs_number", "intake.person.name_key"}


def test_whoever_was_erased_is_in_no_column_at_all(run: Evidence) -> None:
    """Nor after a database and keys of theirs came back from backups."""
    for person in GONE:
        assert leaks(run.columns, person.markers(), health=False) == {}


def test_who_is_invited_is_named_until_they_answer(run: Evidence) -> None:
    details = {"intake.invitation_details.family_name", "intake.invitation_details.nhs_number"}
    assert set(leaks(run.columns, invited.WAITS.markers(), health=False)) >= details
    for answered in (invited.COMES, invited.DECLINES):
        found = set(leaks(run.columns, answered.markers(), health=False))
        assert not [column for column in found if column.startswith("intake.invitation_details")]
    assert "intake.referral_details.family_name" in leaks(run.columns, invited.COMES.markers(), health=False)


def test_an_organisation_s_name_is_in_one_column(run: Evidence) -> None:
    assert set(leaks(run.columns, invited.OF_COMPANY, health=False)) == {"intake.employer_name.name"}
    elsewhere = (run.topics(), run.logs, run.metrics, run.commands, answers(run.told), {"log": run.server_log})
    assert [leaks(texts, invited.OF_COMPANY, health=False) for texts in elsewhere] == [{}] * len(elsewhere)


def test_the_catalogue_of_tables_names_the_same_columns() -> None:
    catalogued = {
        f"{file['service']}.{table}": identifying
        for file in (yaml.safe_load(path.read_text()) for path in TABLES.glob("*.yaml"))
        for table, said in file["tables"].items()
        if (identifying := {name for name, kind in said["columns"].items() if kind == "identifying"})
    }
    assert catalogued == IDENTIFYING


# Each search is shown what it must find.


def test_a_marker_is_found_however_it_is_written() -> None:
    person = Person(7)
    for name, word in person.markers().words.items():
        for form in spellings(word):
            assert name in Markers({name: word}).found_in(f"x{form.upper()}y"), form
    dog = person.markers().words["/additional_information of 7"]
    for before in ("", "x", "xy"):
        encoded = base64.b64encode(f"{before}{dog}".encode()).decode()
        assert person.markers().found_in(encoded) == {"/additional_information of 7"}
    assert person.markers().found_in(json.dumps(Person(8).referral(GRAVE))) == set()
    assert person.markers().found_in(repr(person.referral())) == set(person.markers().words)


def test_answers_are_found_however_they_are_written() -> None:
    for text in (
        json.dumps(GRAVE),
        json.dumps(GRAVE, sort_keys=True),
        repr(Assessment.model_validate(GRAVE, strict=False)),
    ):
        assert health_in(text) > {"scores in a row", "saddle_numbness", "bereavement"}
    assert health_in("26, 3, 20, 11") == health_in("20; 3; 26; 11") == {"scores in a row"}
    assert health_in("at 2024-11-26T03:20:11.390Z, 26 records") == set()


def test_the_list_is_no_longer_than_the_tests_know() -> None:
    """Whoever allows another name in logs must say here that it can hold nothing of a person."""
    assert ALLOWED <= careless.LISTED
    assert ALLOWED.isdisjoint(careless.HELD_BACK)


@pytest.mark.parametrize("what", [what for what in WIDENED if what != "nothing"])
def test_a_wider_list_of_what_may_be_logged_is_noticed(run: Evidence, what: str) -> None:
    assert leaks({"log": run.widened[what]}, WIDENED[what].markers(), health=False) != {}


def test_the_list_as_it_is_lets_nothing_through(run: Evidence) -> None:
    """The control of the test before: the careless program tried as hard with the list as it is."""
    written = run.widened["nothing"]
    assert written.count('"careless"') > 3
    assert '"dropped"' in written
    assert leaks({"log": written}, WIDENED["nothing"].markers(), health=False) == {}


def test_a_record_with_a_marker_is_noticed(run: Evidence) -> None:
    ours = run.topics()
    record = next(
        record
        for record in run.records
        if record.place in ours and TOKEN.search(record.value.decode("utf-8", "replace"))
    )
    number = ADA.nhs_number
    header = base64.urlsafe_b64encode(json.dumps({"sub": number}).encode()).decode().rstrip("=")
    bad = [
        dataclasses.replace(record, key=number.encode()),
        dataclasses.replace(record, headers=(*record.headers, ("ce_by", number.encode()))),
        dataclasses.replace(record, headers=(*record.headers, (number, b""))),
        dataclasses.replace(record, value=record.value.replace(b"{", b'{"by": "' + number.encode() + b'", ', 1)),
        dataclasses.replace(
            record, value=TOKEN.sub(lambda token: header + token[0][len(token[1]) :], record.value.decode()).encode()
        ),
    ]
    for one in bad:
        assert leaks({"topic": record_text(one)}) == {"topic": {"/person/nhs_number of 1"}}
    assert leaks({"topic": record_text(record)}) == {}


def test_arguments_environment_and_names_of_files_are_seen(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / f"{GRACE.nhs_number}.json").touch()
    assert leaks({"names": "\n".join(names_below([folder]))}) == {"names": {"/person/nhs_number of 2"}}
    for words, environment in (((GRACE.nhs_number,), {}), ((), {"ASKED": GRACE.nhs_number})):
        command = [sys.executable, "-c", "print('here', flush=True); input()", *words]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"here\n"
            watch = Watch()
            watch.look()
            process.communicate(b"\n")
        assert {name for names in leaks(watch.seen).values() for name in names} == {"/person/nhs_number of 2"}


def test_the_server_with_its_own_settings_would_have_told(run: Evidence) -> None:
    assert leaks({"log": run.careless_server}, IN_VAIN.markers()) == {"log": {"/person/nhs_number of 23"}}
