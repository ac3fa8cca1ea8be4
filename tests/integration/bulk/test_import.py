"""``pathway import`` as a person runs it, on a real API and PostgreSQL."""

import csv
from pathlib import Path

import pytest

from tests.integration.bulk.world import World, named, row, sheet


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as made:
        return list(csv.DictReader(made))


def test_a_file_is_imported_once(world: World, file: Path) -> None:
    file.write_text(sheet(*(row(n) for n in range(1, 6))))
    first = world.run(file)
    assert (first.status, first.told["counts"]["accepted"]) == (0, 5), first
    assert world.accepted() == {f"REF-{n}": 1 for n in range(1, 6)}
    again = world.run(file)
    assert (again.status, again.told["counts"]["already_imported"]) == (0, 5), again
    assert [r["referral_id"] for r in again.told["results"]] == [r["referral_id"] for r in first.told["results"]]
    assert world.accepted() == {f"REF-{n}": 1 for n in range(1, 6)}


@pytest.mark.parametrize("kind", ["nhs", "community"])
def test_a_row_that_is_in_already_is_told_so_whatever_came_since(world: World, file: Path, kind: str) -> None:
    """With a row more in the file, after the keys' seven days, by a colleague, and in a rehearsal."""
    route = ("--set", "route=gp", "--set", "referrer.ods_code=P84001")
    if kind == "community":
        route = ("--set", "route=community", "--set", "referrer.name=A charity")
    fixed = (*route, "--set", "locality=manchester")
    mine, colleague = (world.token(kind, sub=sub) for sub in ("importer", "colleague"))

    def outcomes(*words: str, token: str = mine) -> list[str]:
        done = world.run(file, *words, token=token, fixed=fixed)
        assert done.status == 0, done
        return [r["outcome"] for r in done.told["results"]]

    rows = [row(n, **{"PHQ-9": "9"}) for n in range(1, 4)]
    file.write_text(sheet(*rows))
    assert outcomes() == ["accepted"] * 3
    assert outcomes("--dry-run") == outcomes() == ["already_imported"] * 3
    file.write_text(sheet(row(9), *rows))
    assert outcomes("--dry-run") == ["accepted", *["already_imported"] * 3]
    assert outcomes() == ["accepted", *["already_imported"] * 3]
    world.ask("DELETE FROM idempotency")
    assert outcomes() == outcomes("--dry-run") == ["already_imported"] * 4
    assert outcomes(token=colleague) == ["already_imported"] * 4
    assert world.accepted() == {f"REF-{n}": 1 for n in (1, 2, 3, 9)}


@pytest.mark.parametrize("reference", ["REF-1", ""])
def test_a_row_that_says_something_else_under_its_reference_is_not_lost(
    world: World, file: Path, reference: str
) -> None:
    fixed = ("--set", "route=community", "--set", "referrer.name=A charity", "--set", "locality=manchester")
    charity = world.token("community", "charity")
    first = row(1, Reference=reference, **{"PHQ-9": "9"})
    file.write_text(sheet(first))
    assert world.run(file, token=charity, fixed=fixed).status == 0
    file.write_text(sheet(first, {**first, "PHQ-9": "19"}))
    for words in (("--dry-run",), ()):
        done = world.run(file, *words, token=charity, fixed=fixed)
        told = [(r["outcome"], [e["code"] for e in r["errors"]]) for r in done.told["results"]]
        assert told == [("already_imported", []), ("rejected", ["reference_used"])]


def test_a_dry_run_leaves_the_rejects_file_alone_unless_it_was_named(world: World, file: Path) -> None:
    rejects, named_one = file.with_name("people.rejects.csv"), file.with_name("named.csv")
    rejects.write_text("corrected by hand")
    for rows in ([row(1, Consent="")], [row(1)]):
        file.write_text(sheet(*rows))
        world.run(file, "--dry-run")
        assert rejects.read_text() == "corrected by hand"
    file.write_text(sheet(row(1, Consent="")))
    assert world.run(file, "--dry-run", "--rejects", str(named_one)).status == 1
    assert len(read(named_one)) == 1


def test_rows_without_a_reference_are_recognised_in_another_file_and_after_their_keys(world: World, file: Path) -> None:
    rows = [row(n, Reference="") for n in range(1, 4)]
    file.write_text(sheet(*rows))
    assert world.run(file).told["counts"]["accepted"] == 3
    world.ask("DELETE FROM idempotency")
    file.write_text(sheet(row(9, Reference=""), *rows))
    found = world.run(file)
    assert (found.told["counts"]["accepted"], found.told["counts"]["already_imported"]) == (1, 3), found
    assert world.ask("SELECT count(*) FROM referral") == "4"


def test_what_is_wrong_is_told_by_row_and_column_and_can_be_fed_again(world: World, file: Path) -> None:
    wrong = row(2, **{"Date of birth": "31/02/1980", "Employment status": "sometimes", "NHS number": "9.99E+09"})
    file.write_text(sheet(row(1), wrong, row(3, Surname="=cmd|' /C calc'!A1"), row(4, Consent="no")))
    done = world.run(file)
    assert done.status == 1
    told = {(r["row"], e["column"], e["code"]) for r in done.told["results"] for e in r["errors"]}
    assert told == {
        (3, "Date of birth", "no_such_day"),
        (3, "NHS number", "digits_lost"),
        (3, "Employment status", "unknown_code"),
        (5, "Consent", "consent_required"),
    }
    assert world.accepted() == {"REF-1": 1, "REF-3": 1}
    rejects = file.with_name("people.rejects.csv")
    assert rejects.stat().st_mode & 0o777 == 0o600
    found = read(rejects)
    assert [(r["row"], r["Reference"]) for r in found] == [("3", "REF-2"), ("5", "REF-4")]
    assert "digits_lost" in found[0]["errors"]
    found[0] |= {"Date of birth": "28/02/1980", "Employment status": "employed", "NHS number": ""}
    found[1] |= {"Consent": "yes"}
    file.write_text(sheet(*found))
    assert world.run(file, "--rejects", str(file.with_name("later.csv"))).told["counts"]["accepted"] == 2
    assert world.accepted() == {f"REF-{n}": 1 for n in range(1, 5)}


def test_a_run_that_did_not_come_to_its_end_takes_no_rejects_away(world: World, file: Path) -> None:
    file.write_text(sheet(row(1, Consent="")))
    assert world.run(file).status == 1
    rejects = file.with_name("people.rejects.csv")
    before = rejects.read_bytes()
    away = world.run(file, "--api", "http://127.0.0.1:9", "--patience", "0")
    assert (away.status, away.told["failure"]["code"], away.told["not_answered"]) == (3, "unreachable", 1)
    assert rejects.read_bytes() == before
    file.write_text(sheet(row(1)))
    assert world.run(file).status == 0
    assert not rejects.exists()


def test_what_could_be_a_formula_is_none_in_the_rejects_and_comes_back_as_it_was(world: World, file: Path) -> None:
    file.write_text(sheet(row(1, Surname="=1+1", **{"First name": "+Ada", "Consent": ""})))
    assert world.run(file).status == 1
    rejects = file.with_name("people.rejects.csv")
    assert [(r["Surname"], r["First name"]) for r in read(rejects)] == [("'=1+1", "'+Ada")]
    rejects.write_text(rejects.read_text().replace(",,18/11/2024", ",yes,18/11/2024"))
    assert world.run(rejects, "--rejects", str(file.with_name("later.csv"))).status == 0
    assert world.ask("SELECT family_name, given_name FROM referral_details") == "=1+1|+Ada"


def test_a_dry_run_says_what_the_run_would_and_leaves_nothing(world: World, file: Path) -> None:
    twice = row(4, Reference="REF-1")
    file.write_text(sheet(row(1), row(2, Postcode="nowhere"), row(1, Reference="REF-X"), twice, row(5)))
    rehearsed = world.run(file, "--dry-run")
    counts = {
        table: world.ask(f"SELECT count(*) FROM {table}") for table in ("referral", "outbox", "idempotency", "person")
    }
    assert set(counts.values()) == {"0"}
    real = world.run(file)
    assert rehearsed.status == real.status == 1

    def shown(results: list[dict[str, object]]) -> list[tuple[object, ...]]:
        return [(r["row"], r["outcome"], r["errors"], r["mended"], r["safety"]) for r in results]

    assert shown(rehearsed.told["results"]) == shown(real.told["results"])
    assert real.told["counts"]["duplicate"] == 1
    assert {e["code"] for r in real.told["results"] for e in r["errors"]} == {
        "malformed",
        "duplicate_referral",
        "reference_used",
    }


def test_safety_advice_reaches_whoever_imports(world: World, file: Path) -> None:
    flagged = row(1, **{"Red flag saddle numbness": "yes", "Conditions": "back pain"})
    refused = row(2, **{"Red flag saddle numbness": "yes", "Consent": ""})
    file.write_text(sheet(flagged, refused))
    done = world.run(file)
    assert [(r["outcome"], r["safety"]["level"]) for r in done.told["results"]] == [
        ("accepted", "emergency"),
        ("rejected", "emergency"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_whatever_the_sheet_was_saved_as(world: World, file: Path, encoding: str, separator: str) -> None:
    file.write_bytes(sheet(row(1, Surname="Zoë"), separator=separator).encode(encoding))
    assert world.run(file).told["counts"]["accepted"] == 1
    assert world.ask("SELECT family_name FROM referral_details") == "Zoë"


def test_columns_that_are_not_known_are_asked_about_and_nothing_is_sent(world: World, file: Path) -> None:
    file.write_text(sheet(row(1, Nachname="x", Telefon="y")))
    refused = world.run(file)
    assert refused.status == 2
    assert "column O is not known" in refused.errors
    assert "column P is not known" in refused.errors
    assert world.run(file, "--map", "Nachname=-", "--map", "Telefon=-").status == 0
    file.write_text("\n".join(sheet(row(1)).splitlines()[1:]) + "\n")
    without = world.run(file)
    assert without.status == 2
    assert named(1) not in without.errors


def test_the_sample_of_the_documents_is_imported_as_it_is(world: World, tmp_path: Path) -> None:
    sample = Path(__file__).resolve().parents[3] / "docs" / "operations" / "samples" / "import-sample.csv"
    done = world.run(sample, "--rejects", str(tmp_path / "rejects.csv"), fixed=())
    assert (done.status, done.told["counts"]["accepted"]) == (0, 2), done


def test_a_token_that_does_not_hold_is_told_and_nothing_is_sent(world: World, file: Path) -> None:
    file.write_text(sheet(row(1)))
    refused = world.run(file, token="no-token")
    assert (refused.status, refused.told["failure"]["code"]) == (3, "token_invalid")
    assert world.accepted() == {}
