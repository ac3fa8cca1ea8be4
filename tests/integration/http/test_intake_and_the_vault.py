"""Intake and the vault: a new person's key is there first; without keys nothing is stored, and it is said why."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.intake.api import create_app
from services.intake.referrals.examples import EMPLOYER_REFERRAL, GP_REFERRAL, JOINT_ASSESSMENT
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.sealing import keyring
from services.kernel.sealing.root_file import write_key_file
from services.kernel.sealing.serving import NOTE
from services.kernel.settings import Environment, Settings
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.test_intake import (
    ask,
    changed,
    codes,
    employer,
    events,
    gp,
    intake,
    keys,
    post,
    stored,
    token,
)
from tests.parts.databases import Database, Databases
from tests.parts.keys import MadeKeys

__all__ = ["ask", "employer", "gp", "intake", "keys", "stored"]

FLAGGED = changed(GP_REFERRAL, lambda body: body["assessment"]["red_flags"].update(chest_pain=True))
SOON = {"Idempotency-Key": "the-same"}


@pytest.fixture
def vault(databases: Databases) -> Database:
    databases.open_vault()
    return databases("vault")


@pytest.fixture
def settings(stored: Database, vault: Database, databases: Databases) -> Settings:
    return Settings(
        environment=Environment.DEVELOPMENT,
        database_url=SecretStr(stored.dsn),
        vault_url=SecretStr(databases.vault_dsn()),
        root_key=f"file:{databases.root_key}",
    )


@asynccontextmanager
async def serving(settings: Settings, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """Intake with keys from the vault, for a GP; an API of its own, that holds no key yet."""
    app: FastAPI = create_app(settings, issuer_transport=issuer.transport())
    async with app.router.lifespan_context(app), calling(app, token(issuer)) as client:
        yield client


@pytest.fixture
async def gp_and_vault(settings: Settings, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings, issuer) as client:
        yield client


def held(ask: Ask) -> dict[str, str]:
    """How much there is of what a referral leaves in intake's database."""
    return {name: ask(f"SELECT count(*) FROM {name} t") for name in TABLES}


TABLES = (
    *("aggregate", "outbox", "idempotency"),
    *("person", "referral", "referral_details", "referral_status", "consent_fact"),
)
NOTHING = dict.fromkeys(TABLES, "0")


def subjects(vault: Database) -> set[str]:
    return set(vault.postgres.execute("SELECT subject FROM subject_key", vault.name).split())


async def test_a_new_persons_key_is_in_the_vault_before_the_referral_is_committed(
    gp_and_vault: httpx.AsyncClient, stored: Database, vault: Database, ask: Ask
) -> None:
    before = subjects(vault)
    admin = await asyncpg.connect(stored.admin_dsn)
    await admin.execute("BEGIN; LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
    posting = asyncio.create_task(post(gp_and_vault, GP_REFERRAL))
    async with asyncio.timeout(8):
        while not (made := subjects(vault) - before):  # noqa: ASYNC110  the key comes from another database
            await asyncio.sleep(0.01)
    assert await admin.fetchval("SELECT count(*) FROM referral") == 0
    await admin.execute("ROLLBACK")
    await admin.close()
    assert (await posting).status_code == 201
    assert {event["person_id"] for event in events(ask)} == made


async def test_one_person_has_one_key(gp_and_vault: httpx.AsyncClient, vault: Database, ask: Ask) -> None:
    before = subjects(vault)
    first = (await post(gp_and_vault, GP_REFERRAL)).json()
    assert (await post(gp_and_vault, JOINT_ASSESSMENT, first["links"]["assessments"])).status_code == 201
    assert (await post(gp_and_vault, {"reason": "changed_mind"}, first["links"]["withdrawal"])).status_code == 201
    again = changed(GP_REFERRAL, lambda body: body["referrer"].update(reference="GP-2"))
    assert (await post(gp_and_vault, again)).status_code == 201
    assert len(subjects(vault) - before) == len({event["person_id"] for event in events(ask)}) == 1


@pytest.fixture
def locked_out(vault: Database) -> Iterator[Callable[[], None]]:
    """A vault that accepts no connection; call it to let them in again."""

    def let(allowed: str) -> None:
        vault.postgres.execute(f'ALTER DATABASE "{vault.name}" ALLOW_CONNECTIONS {allowed}')

    let("false")
    vault.postgres.disconnect(vault.name)
    yield lambda: let("true")
    let("true")


@pytest.fixture
def half_restored(vault: Database) -> Iterator[Callable[[], None]]:
    """A vault that is just being put back: there is a database, and not yet every table in it."""
    vault.postgres.execute("ALTER TABLE erasure RENAME TO not_yet", vault.name)

    def rename() -> None:
        vault.postgres.execute("ALTER TABLE IF EXISTS not_yet RENAME TO erasure", vault.name)

    yield rename
    rename()


@pytest.fixture
def unchecked(vault: Database) -> Iterator[Callable[[], None]]:
    """A vault that nobody has held against its log since it was started."""
    vault.postgres.execute("DELETE FROM key_serving", vault.name)

    def check() -> None:
        vault.postgres.execute(NOTE, vault.name)

    yield check
    check()


@pytest.mark.parametrize("state", ["locked_out", "half_restored", "unchecked"])
async def test_without_the_vault_nothing_is_stored_and_the_same_request_works_later(
    state: str, gp_and_vault: httpx.AsyncClient, ask: Ask, request: pytest.FixtureRequest
) -> None:
    come_back = request.getfixturevalue(state)
    for _ in range(2):
        answer = await gp_and_vault.post("/referrals", json=FLAGGED, headers=SOON)
        assert (answer.status_code, codes(answer)) == (503, {("vault_unavailable", "")})
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json()["safety"]["level"] == "emergency"
        assert held(ask) == NOTHING
    come_back()
    assert (await gp_and_vault.post("/referrals", json=FLAGGED, headers=SOON)).status_code == 201
    assert held(ask)["referral"] == held(ask)["outbox"] == held(ask)["person"] == "1"


async def test_a_vault_that_hangs_is_not_waited_for_for_long(
    gp_and_vault: httpx.AsyncClient, vault: Database, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "WAIT_SECONDS", 0.2)
    admin = await asyncpg.connect(vault.admin_dsn)
    await admin.execute("BEGIN; LOCK TABLE subject_key IN ACCESS EXCLUSIVE MODE")
    async with asyncio.timeout(8):
        answer = await post(gp_and_vault, GP_REFERRAL)
    assert (answer.status_code, codes(answer)) == (503, {("vault_unavailable", "")})
    assert held(ask) == NOTHING
    await admin.execute("ROLLBACK")
    await admin.close()
    assert (await post(gp_and_vault, GP_REFERRAL)).status_code == 201


async def test_what_needs_no_key_works_without_the_vault(
    gp_and_vault: httpx.AsyncClient, vault: Database, ask: Ask, request: pytest.FixtureRequest
) -> None:
    first = (await post(gp_and_vault, GP_REFERRAL)).json()
    request.getfixturevalue("locked_out")
    assert (await gp_and_vault.get(first["links"]["self"])).status_code == 200
    wrong = await post(gp_and_vault, changed(FLAGGED, locality="atlantis"))
    assert (wrong.status_code, wrong.json()["safety"]["level"]) == (422, "emergency")
    duplicate = await post(gp_and_vault, changed(GP_REFERRAL, lambda body: body["referrer"].update(reference="GP-2")))
    assert duplicate.status_code == 503, "whether somebody known was erased a moment ago, only the vault can say"


def another_root_key(good: Path, folder: Path) -> Path:
    write_key_file(folder / "another")
    return folder / "another"


def readable_by_others(good: Path, folder: Path) -> Path:
    copy = folder / "open-to-all"
    copy.write_bytes(good.read_bytes())
    copy.chmod(0o644)
    return copy


def not_there(good: Path, folder: Path) -> Path:
    return folder / "nowhere"


@pytest.mark.parametrize("root", [another_root_key, readable_by_others, not_there])
async def test_a_root_key_that_cannot_be_used_is_said(
    root: Callable[[Path, Path], Path],
    settings: Settings,
    databases: Databases,
    issuer: DevIssuer,
    ask: Ask,
    tmp_path: Path,
) -> None:
    wrong = settings.model_copy(update={"root_key": f"file:{root(databases.root_key, tmp_path)}"})
    async with serving(wrong, issuer) as client:
        with capture_logs() as logs:
            answer = await post(client, GP_REFERRAL)
        assert (answer.status_code, codes(answer)) == (503, {("wrapping_key_wrong", "")})
        assert int(answer.headers["Retry-After"]) > 0
        assert [line["event"] for line in logs if line["log_level"] == "error"] == ["http_without_keys"]
    assert held(ask) == NOTHING


async def test_a_half_written_vault_accepts_nothing_and_loses_nothing(
    employer: httpx.AsyncClient, ask: Ask, keys: MadeKeys
) -> None:
    """A person is known and the vault has lost their key: whatever others will seal for them must wait."""
    first = (await post(employer, EMPLOYER_REFERRAL)).json()
    before, [event] = held(ask), events(ask)
    keys.lost.add(event["person_id"])
    again = changed(EMPLOYER_REFERRAL, lambda body: body["referrer"].update(reference="HR-18"))
    with capture_logs() as logs:
        answer = await employer.post("/referrals", json=again, headers=SOON)
    assert (answer.status_code, codes(answer)) == (503, {("key_missing", "")})
    assert int(answer.headers["Retry-After"]) > 0
    told = [line for line in logs if line["log_level"] == "error"]
    assert [(line["event"], line["error"]) for line in told] == [("http_without_keys", "KeyMissing")]
    assert held(ask) == before
    assert keys.made == [event["person_id"]], "no new key takes the place of a lost one"
    assert (await employer.get(first["links"]["self"])).status_code == 200
    keys.lost.clear()
    assert (await employer.post("/referrals", json=again, headers=SOON)).status_code == 201


async def test_answers_about_somebody_whose_key_is_lost_or_destroyed(
    gp: httpx.AsyncClient, ask: Ask, keys: MadeKeys
) -> None:
    first = (await post(gp, GP_REFERRAL)).json()
    before, [event] = held(ask), events(ask)
    asked = {"assessment": {"red_flags": {"chest_pain": True}}}
    keys.lost.add(event["person_id"])
    lost = await post(gp, asked, first["links"]["assessments"])
    assert (lost.status_code, codes(lost)) == (503, {("key_missing", "")})
    keys.lost.clear()
    keys.erased.add(event["person_id"])
    gone = await post(gp, asked, first["links"]["assessments"])
    assert (gone.status_code, codes(gone)) == (410, {("person_erased", "")})
    assert {answer.json()["safety"]["level"] for answer in (lost, gone)} == {"emergency"}
    assert held(ask) == before
