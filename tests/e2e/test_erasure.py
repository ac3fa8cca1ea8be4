"""A person is referred, triaged, coached and paid for, and erased: what was theirs is unreadable, nothing else moves.

On the real parts: the command in the vault, its relay, the topic, the workers. Before and after everything is read:
topics, tables, dead letters, backups of keys, statements, replay.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from services.embedded.postgres import Postgres
from services.embedded.processes import Supervisor
from tests.e2e.erasing.story import ADA, BOB, Found, lived
from tests.e2e.leaks.acts import NOTE
from tests.e2e.leaks.caller import OF_REQUESTS
from tests.e2e.leaks.markers import Person
from tests.parts.databases import Databases
from tests.parts.kafka import Broker

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(240)]

SCRUBBED = ("intake.person", "intake.referral", "intake.referral_details")
MOVES = {"stream_position", "key_position", "outbox_progress", "operator_action", "idempotency"}
"""Tables of the machinery: how far something was read, who looked."""


@pytest.fixture(scope="module")
def run(
    kafka: Broker, postgres: Postgres, _templates: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Found]:
    folder = tmp_path_factory.mktemp("erasing")
    databases = Databases(postgres, _templates)
    with Supervisor(folder / "logs") as processes:
        try:
            yield asyncio.run(lived(kafka, databases, processes, folder, f"{databases.name}."))
        finally:
            processes.stop()
            databases.close()


def answered(run: Found, name: str) -> dict[str, Any]:
    said = run.commands[name]
    assert said.status == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_it_was_a_life_worth_looking_at(run: Found) -> None:
    """Sealed content of both stood in every place in which it can, and opened; both had earned."""
    places = {
        *("topic referral.created", "topic triage.completed"),
        *("intake.outbox.value", "triage.outbox.value", "triage.aggregate.state", "triage.dead_letter.value"),
        *("coaching.plan_recommendation.sealed", "coaching.plan_note.text"),
        *("intake.referral.additional_information",),
    }
    ada, bob = run.people[ADA], run.people[BOB]
    assert places <= set(run.before.sealed[ada])
    assert places - {"triage.dead_letter.value"} <= set(run.before.sealed[bob])
    assert run.before.opened == run.before.sealed
    for person in (ADA, BOB):
        entries = run.before.entries[run.referrals[person]]
        assert {"engagement", "work_outcome"} <= {entry["milestone"] for entry in entries}
        assert sum(entry["amount_pence"] for entry in entries) > 50_000
    assert len(run.backups["before"]) == 2


def test_the_dry_run_says_who_and_does_nothing(run: Found) -> None:
    dry, done = answered(run, "dry run"), answered(run, "erase")
    assert (dry["people"], dry["applied"], done["applied"]) == ([run.people[ADA]], False, True)
    assert [event["sequence"] for event in done["events"]] == [1]


def test_nothing_sealed_of_hers_opens_anywhere(run: Found) -> None:
    ada, bob = run.people[ADA], run.people[BOB]
    assert run.after.opened[ada].total() == 0
    assert run.after.opened[bob] == run.after.sealed[bob]
    gone = {"intake.referral.additional_information"}
    assert set(run.after.sealed[ada]) == set(run.before.sealed[ada]) - gone
    assert run.after.sealed[bob] == run.before.sealed[bob]
    assert ada not in run.backups["after"]
    assert run.backups["before"][ada] not in "".join(run.after.columns.values()), "nor does her wrapped key lie there"
    assert bob in run.backups["after"]


def test_a_backup_of_keys_from_before_does_not_bring_hers_back(run: Found) -> None:
    assert answered(run, "put back")["put_back"] == 0
    assert run.put_back.opened[run.people[ADA]].total() == 0
    assert run.put_back.opened[run.people[BOB]] == run.put_back.sealed[run.people[BOB]]


def test_a_database_from_before_opens_nothing_of_hers_and_comes_to_the_same_states(run: Found) -> None:
    assert answered(run, "restore coaching")["events"] > 0
    before, after = run.coaching
    assert after == before != []
    assert [note["text"] for note in run.answers["ada notes of a backup"][1]] == [None]


def test_she_is_named_nowhere(run: Found) -> None:
    def named(columns: dict[str, str], person: Person) -> set[str]:
        return {place for place, text in columns.items() if person.markers().found_in(text)}

    assert {place.rsplit(".", 1)[0] for place in named(run.before.columns, ADA)} == set(SCRUBBED)
    assert named(run.after.columns, ADA) == set()
    assert named(run.after.columns, BOB) == named(run.before.columns, BOB)
    assert OF_REQUESTS.found_in("".join(run.after.columns.values())) <= {"Idempotency-Key"}


def test_the_money_is_the_same_to_the_penny(run: Found) -> None:
    assert run.before.ledger
    assert run.after.ledger == run.before.ledger
    assert run.after.totals == run.before.totals
    assert any(pence for *_, pence in run.before.totals)
    assert run.after.statements == run.before.statements
    assert run.after.entries == run.before.entries
    lines = [
        line
        for month, statements in run.after.statements.items()
        if month != "balance"
        for statement in statements
        for line in statement["lines"]
        if line["referral_id"] == run.referrals[ADA]
    ]
    earned = [entry for entry in run.after.entries[run.referrals[ADA]] if entry["kind"] == "earned"]
    assert sum(line["amount_pence"] for line in lines) == sum(entry["amount_pence"] for entry in earned) > 50_000


def test_no_state_has_moved(run: Found) -> None:
    assert all(run.before.states.values())
    assert run.after.states == run.before.states


def test_no_other_row_has_changed(run: Found) -> None:
    def rows(columns: dict[str, str]) -> dict[str, list[str]]:
        """Sorted: a row that was written anew lies elsewhere."""
        changed = (*SCRUBBED, "vault", "intake.aggregate", "outcomes.aggregate")
        return {
            place: sorted(text.split("\n"))
            for place, text in columns.items()
            if not place.startswith(changed) and place.split(".")[1] not in MOVES
        }

    assert len(rows(run.before.columns)) > 50
    assert rows(run.after.columns) == rows(run.before.columns)

    def earned(columns: dict[str, str]) -> list[str]:
        """Outcomes reads of erasures, too: it holds an empty place for whoever was erased, to take them in turn."""
        return sorted(line for line in columns["outcomes.aggregate.state"].split("\n") if line != "None")

    assert earned(run.after.columns) == earned(run.before.columns)
    assert run.standing == {"triage dead": 1}


def test_a_replay_agrees_and_accepts_what_it_cannot_read_on_its_digest(run: Found) -> None:
    assert run.replay_before.differences == []
    assert {found["accepted_on_digest"] for found in run.replay_before.services.values()} == {0}
    said = run.commands["replay"]
    assert said.status == 0, said.out
    after = {row["service"]: row for row in json.loads(said.out)}
    for name, before in run.replay_before.services.items():
        assert after[name]["differences"] == 0
        assert after[name]["decided_again"] + after[name]["accepted_on_digest"] >= before["decided_again"], name
    assert after["triage"]["accepted_on_digest"] > 0
    assert after["triage"]["decided_again"] > 0, "the other person's"


def test_those_who_ask_are_told_that_she_is_erased(run: Found) -> None:
    assert {name: status for name, (status, _) in run.answers.items() if name.startswith("bob")} == {
        **dict.fromkeys(("bob plan", "bob notes", "bob case", "bob status", "bob note"), 200)
    }
    assert run.answers["ada plan"][1]["recommendation"]["findings"] is None
    assert run.answers["bob plan"][1]["recommendation"]["findings"]["reasons"]
    assert [note["text"] for note in run.answers["ada notes"][1]] == [None]
    assert [note["text"] for note in run.answers["bob notes"][1]] == [NOTE]
    assert run.answers["ada note"][0] == 410
    assert run.answers["ada note"][1]["code"] == "person_erased"
    assert run.answers["ada case"][1]["erased"] is True
    assert run.answers["ada status"][1]["reference"] is None
    assert run.answers["ada status"][1]["status"] == run.answers["bob status"][1]["status"]


def test_whoever_comes_again_is_somebody_new(run: Found) -> None:
    assert run.again["person_id"] not in set(run.people.values())
    assert run.again["linked_referral"] is None
    assert run.people[ADA] not in json.dumps(run.again)
    assert run.again_row["reference"] == ADA.details()["/referrer/reference"]


def test_an_employer_cannot_tell_that_somebody_is_restricted(run: Found) -> None:
    (status, bob), (_, stranger) = run.answers["employer of bob"], run.answers["employer of a stranger"]
    assert answered(run, "restrict")["changed"] is True
    assert status == 201, bob
    own = bob.pop("referral_id"), stranger.pop("referral_id")
    assert json.dumps(bob).replace(own[0], "") == json.dumps(stranger).replace(own[1], "")
