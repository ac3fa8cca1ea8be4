"""``pathway person export`` and ``show``: everything that is held, opened, for the operator alone; nothing changes."""

import asyncio
import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.contracts.person_codes import ErasureReason, RestrictionReason
from services.kernel.operations.audit import OperationRefused
from services.persons.find import asked_number, find
from services.vault.holds import Holds
from tests.integration.persons.conftest import Pathway
from tests.integration.persons.world import World

ADA = "9990000018"
BOB = {"nhs_number": "9990000026", "family_name": "Sample", "given_name": "Bob"}
NUMBER = ("--nhs-number", "-")
ACTS: tuple[tuple[str, ...], ...] = (
    ("export",),
    ("show",),
    ("restrict", "--why", "objection_pending"),
    ("unrestrict",),
    ("erase", "--why", "person_asked"),
)
NOBODY = "f0f0f0f0-0000-4000-8000-000000000009"


@pytest.fixture
def ada(world: World) -> str:
    """Ada and Bob are referred; everybody has read everything. Returns Ada's pseudonym."""

    async def prepare() -> str:
        referral = await world.refer()
        await world.refer(**BOB)
        await world.flow()
        return await world.person_of(referral)

    return asyncio.run(prepare())


def said(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def exported(pathway: Pathway, folder: Path, *words: str, given: str = "") -> tuple[dict[str, Any], str]:
    options = ("--to", str(folder), "--actor", "ann", "--json")
    found = said(pathway("person", "export", *words, *options, input=f"{given}\n"))
    return json.loads(Path(found["json"]).read_text()), Path(found["html"]).read_text()


def test_everything_is_there_and_open(world: World, ada: str, pathway: Pathway, tmp_path: Path) -> None:
    found, page = exported(pathway, tmp_path, ada)
    services = found["services"]
    assert (found["person_ids"], found["restricted"], found["legal_hold"]) == ([ada], None, False)
    (details,) = services["intake"]["referral_details"]
    assert (details["family_name"], details["nhs_number"], details["birth_date"]) == ("Example", ADA, "1986-04-12")
    assert services["intake"]["referral"][0]["additional_information"] == {
        "sealed_as": "additional_information",
        "content": "Works nights at the bakery.",
    }
    created = services["intake"]["outbox"][0]["value"]
    assert created["sealed"]["assessment"]["content"]["phq9"]["score"] == 12
    completed = services["triage"]["outbox"][0]["value"]
    assert completed["sealed"]["findings"]["content"]["reasons"]
    assert services["triage"]["aggregate"][0]["state"]["decision"]["sealed"]["findings"]["content"]["reasons"]
    assert services["coaching"]["plan"][0]["state"] == "proposed"
    assert services["coaching"]["plan_recommendation"][0]["sealed"]["findings"]["content"]["reasons"]
    assert services["intake"]["idempotency"], "the answer that the practice got names the referral"
    assert services["vault"]["subject_key"][0]["subject"] == ada
    text = json.dumps(found)
    assert "wrapped" not in text, "never a key"
    assert "unreadable" not in text
    for part in ("bakery", "Example", ADA, "sealed: findings"):
        assert part in page
    for other in ("Sample", BOB["nhs_number"]):
        assert other not in text + page, "somebody else's"


def test_the_files_are_the_operator_s_alone_and_it_is_written_down(
    world: World, ada: str, pathway: Pathway, tmp_path: Path
) -> None:
    found = said(pathway("person", "export", ada, "--to", str(tmp_path / "new"), "--actor", "ann", "--reason", "SAR 7",
                         "--json"))  # fmt: skip
    files = sorted((tmp_path / "new").iterdir())
    assert [file.suffix for file in files] == [".html", ".json"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    rows = asyncio.run(
        world.ask(
            "vault", "SELECT actor, target, reason, detail::text FROM operator_action WHERE action = 'person.export'"
        )
    )
    ((actor, target, reason, detail),) = rows
    assert (actor, target, reason) == ("ann", ada, "SAR 7")
    assert json.loads(detail)["sha256"] == found["sha256"]


def test_nothing_is_changed(world: World, ada: str, pathway: Pathway, tmp_path: Path) -> None:
    tables = ("person", "referral", "referral_details", "outbox", "aggregate", "idempotency", "operator_action")

    def rows() -> list[Any]:
        return [
            asyncio.run(world.ask(name, f"SELECT count(*), coalesce(max(xmin::text::bigint), 0) FROM {table}"))
            for name, mine in (("intake", tables), ("triage", ("triage_case", "outbox")), ("vault", ("subject_key",)))
            for table in mine
        ]

    before = rows()
    exported(pathway, tmp_path, ada)
    said(pathway("person", "show", ada, "--json"))
    assert rows() == before


def test_a_person_is_found_by_nhs_number(ada: str, pathway: Pathway, tmp_path: Path) -> None:
    for given in (ADA, "999 000 0018"):
        words = ("person", "show", *NUMBER, "--json")
        assert said(pathway(*words, input=f"{given}\n"))["person_id"] == ada
    assert exported(pathway, tmp_path, *NUMBER, given=ADA)[0]["person_ids"] == [ada]


TYPED: list[tuple[str, ...]] = [
    *(("person", *act, "--nhs-number", ADA) for act in ACTS),
    *(("person", *act, ADA) for act in ACTS),
    ("person", "show", f"--nhs-number={ADA}"),
    ("person", "show", "--nhs-number", "999 000 0018"),
    ("person", "show", "--nhs-number", "9990000019"),
    ("person", "merge", "--survivor-nhs-number", ADA, NOBODY),
    ("person", "merge", NOBODY, "--merged-nhs-number", ADA),
    ("person", "merge", ADA, NOBODY),
    ("person", "merge", NOBODY, ADA),
    ("retention", "hold", "add", "--nhs-number", ADA, "--reason", "letter"),
    ("retention", "hold", "release", "--nhs-number", ADA, "--reason", "over"),
    ("retention", "hold", "add", ADA, "--reason", "letter"),
]


@pytest.mark.parametrize("words", TYPED, ids=" ".join)
def test_a_number_on_the_command_line_is_refused(words: tuple[str, ...]) -> None:
    """Before anything is looked at: there is no database here."""
    result = CliRunner().invoke(app, list(words), input=f"{ADA}\n")
    assert (result.exit_code, result.stderr.split(":")[0]) == (2, "number_on_command_line")
    assert "list of processes" in result.stderr
    assert "--nhs-number - <<<" in result.stderr
    assert "0018" not in result.output
    assert "0019" not in result.output


def test_a_terminal_is_asked_without_showing_it(world: World, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.persons.find.sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("services.persons.find.getpass.getpass", lambda prompt: ADA)
    assert asyncio.run(find(world.settings, None, asked_number("-"))) == ada


NOT_THERE: list[tuple[tuple[str, ...], str, str]] = [
    ((NOBODY,), "", "unknown_person"),
    (NUMBER, "9990000034", "unknown_person"),
    (NUMBER, "9990000019", "nhs_number_invalid"),
    (NUMBER, "", "nhs_number_invalid"),
    ((NOBODY, *NUMBER), ADA, "name_one_person"),
    ((), "", "name_one_person"),
]


def test_who_is_not_there_is_one_coded_answer(ada: str, pathway: Pathway, tmp_path: Path) -> None:
    for command, *options in ACTS:
        for words, given, code in NOT_THERE:
            result = pathway("person", command, *words, *options, input=f"{given}\n")
            assert (result.exit_code, result.stderr.split(":")[0]) == (1, code), (command, words)
            assert "9990000019" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_erased_person_is_one_coded_answer(world: World, ada: str, pathway: Pathway, tmp_path: Path) -> None:
    erase = ("person", "erase", *NUMBER, "--why", "person_asked", "--apply", "--json")
    assert said(pathway(*erase, input=f"{ADA}\n"))["changed"]
    for words in (("export", ada, "--to", str(tmp_path)), ("show", ada)):
        result = pathway("person", *words)
        assert (result.exit_code, result.stderr.split(":")[0]) == (1, "person_erased")
    assert list(tmp_path.iterdir()) == []
    asyncio.run(world.flow())
    result = pathway("person", "show", *NUMBER, input=f"{ADA}\n")
    assert (result.exit_code, result.stderr.split(":")[0]) == (1, "unknown_person"), "nothing says who that was"


def test_a_folder_that_cannot_be_written_is_said_and_nothing_stays(
    world: World, ada: str, pathway: Pathway, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    result = pathway("person", "export", ada, "--to", str(tmp_path / "file" / "below"))
    assert (result.exit_code, result.stderr.split(":")[0]) == (1, "file_refused")
    assert asyncio.run(world.count("vault", "operator_action", "action = 'person.export'")) == 0


def test_without_an_audit_row_there_are_no_files(world: World, ada: str, pathway: Pathway, tmp_path: Path) -> None:
    asyncio.run(world.ask("vault", "REVOKE INSERT ON operator_action FROM vault_run"))
    assert pathway("person", "export", ada, "--to", str(tmp_path)).exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_merged_and_restricted_person_is_one(world: World, ada: str, pathway: Pathway, tmp_path: Path) -> None:
    merge = ("person", "merge", "--survivor-nhs-number", "-", "--merged-nhs-number", "-", "--apply")
    people = said(pathway(*merge, "--json", input=f"{ADA}\n{BOB['nhs_number']}\n"))["people"]
    asyncio.run(world.flow())
    said(pathway("person", "restrict", ada, "--why", RestrictionReason.OBJECTION_PENDING, "--apply", "--json"))
    found, page = exported(pathway, tmp_path, *NUMBER, given=str(BOB["nhs_number"]))
    assert found["person_ids"][0] == ada
    assert sorted(found["person_ids"]) == people
    assert len(found["referral_ids"]) == 2
    assert found["restricted"] == "objection_pending"
    assert {row["given_name"] for row in found["services"]["intake"]["referral_details"]} == {"Ada", "Bob"}
    assert "unreadable" not in page, "each token opens under the key of its own pseudonym"


def test_show_says_how_the_referrals_stand_and_nothing_of_health(ada: str, pathway: Pathway) -> None:
    found = said(pathway("person", "show", ada, "--json"))
    ((referral,),) = [found["referrals"]]
    assert (referral["programme"], referral["status"], referral["on"]) == (
        "workwell-greater-manchester",
        "triaged",
        "2024-11-18",
    )
    consents = {fact["consent"]: fact["given"] for fact in found["consents"]}
    assert consents == {"take_part": True, "share_with_gp": True, "share_with_employer": False}
    assert "Example" not in json.dumps(found)
    shown = pathway("person", "show", ada)
    assert shown.exit_code == 0
    assert "triaged" in shown.stdout


def test_what_was_written_by_others_runs_nothing_on_the_page(
    world: World, ada: str, pathway: Pathway, tmp_path: Path
) -> None:
    async def write() -> None:
        await world.ask("intake", "UPDATE referral SET referrer_name = '<script>alert(1)</script>&amp;'")

    asyncio.run(write())
    _, page = exported(pathway, tmp_path, ada)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;" in page
    assert "default-src" in page


def test_a_dead_letter_that_names_the_person_is_in_it(world: World, ada: str, pathway: Pathway, tmp_path: Path) -> None:
    sql = (
        "INSERT INTO dead_letter (topic, partition, record_offset, record_key, value, headers, kind, code, detail)"
        " VALUES ('referral.created', 0, $1, NULL, $2, '[]', 'poison', 'x', 'y')"
    )

    async def bury() -> None:
        await world.ask("triage", sql, 7, b'{"person_id": "' + ada.encode() + b'"')
        await world.ask("triage", sql, 8, b"\xff somebody else's")

    asyncio.run(bury())
    found, _ = exported(pathway, tmp_path, ada)
    assert [row["record_offset"] for row in found["services"]["triage"]["dead_letter"]] == [7]


def test_an_erasure_is_refused_while_a_hold_is_open(world: World, ada: str) -> None:
    async def hold_and_erase() -> None:
        async with world.people() as people:
            await Holds(people.pool, "ann").add(ada, case="claim", reason="letter", apply=True)
            await people.erase(ada, ErasureReason.PERSON_ASKED, note="", apply=True)

    with pytest.raises(OperationRefused, match="legal hold"):
        asyncio.run(hold_and_erase())
