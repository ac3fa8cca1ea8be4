"""Commands and reads over HTTP on what is sealed: 410 for the erased, 503 for keys that cannot be had, each coded."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Annotated, Any

import asyncpg
import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from starlette.responses import JSONResponse

from services.kernel.decision import Command
from services.kernel.http import Answer, Once, Open, Principal, ReadSession, create_api, require
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime import stops
from services.kernel.runtime.commands import Transaction
from services.kernel.sealing.content import ContentErased, Sealed, sealed_text
from tests.integration.sealing.conftest import ADA, WAITS_FOR_A_LOCK, House, watched
from tests.tally.source import until
from tests.tally.wishes import TELL, Ask, Box, Told, Wish, opened, told, wish_service
from tests.tally.wishes import Answer as Letters

SAID, WORD = "a sunny day", "in-confidence"
router = APIRouter()
Who = Annotated[Principal, require("friend")]


class Telling(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    text: str | None = None
    ask: Ask = Ask.READ
    word: str | None = None
    about: str | None = None


@router.post("/wishes/{key}")
async def tell(key: str, body: Telling, once: Once, who: Who) -> JSONResponse:
    async def handle(tx: Transaction) -> Answer:
        before: Box | None = await tx.load(key)
        wish = None if body.text is None else Sealed.of(Wish(text=body.text))
        data = Told(subject=body.about or who.subject, ask=body.ask, wish=wish, word=body.word)
        done = await tx.execute(Command(tx.command_id, TELL, key, data))
        return Answer(201, {"count": done.state.count, "before": 0 if before is None else before.count})

    return await once(handle)


@router.get("/wishes/{key}")
async def read(key: str, session: ReadSession, opener: Open, who: Who) -> dict[str, Any]:
    found = await (await session.connection()).execute(
        text("SELECT state::text FROM aggregate WHERE key = :key"), {"key": key}
    )
    box = Box.model_validate_json(found.scalar_one())
    assert box.wish is not None
    await opener.unlock(box.subject, [box.wish])
    try:
        return {"count": box.count, "wish": box.wish.content.text}
    except ContentErased:
        return {"count": box.count, "wish": None}


Start = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def start(house: House) -> AsyncIterator[Start]:
    """Start an API that holds no keys yet; its caller is Ada."""
    async with AsyncExitStack() as stack:

        async def started(**settings: str) -> httpx.AsyncClient:
            made = house.settings(**settings)
            issuer = DevIssuer(made)
            app = create_api(
                wish_service(), made, routers=[router], title="Wishes", issuer_transport=issuer.transport()
            )
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app)
            headers = issuer.headers("friend", sub=ADA)
            return await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)
            )

        yield started


async def post(client: httpx.AsyncClient, idempotency_key: str = "one", **body: Any) -> httpx.Response:
    return await client.post("/wishes/k", json=body, headers={"Idempotency-Key": idempotency_key})


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert SAID not in answer.text
    assert WORD not in answer.text
    return answer.status_code, answer.json()["code"], answer.headers.get("retry-after")


async def stored(house: House) -> dict[str, int]:
    """How many rows there are of what a command writes."""
    return {
        table: (await house.ask(f"SELECT count(*) FROM {table}"))[0][0] for table in ("idempotency", "outbox", "words")
    }


NOTHING = {"idempotency": 0, "outbox": 0, "words": 0}


async def test_a_command_is_sealed_and_can_be_read_and_rests_nowhere_in_clear(house: House, start: Start) -> None:
    client = await start()
    answer = await post(client, text=SAID, word=WORD)
    assert (answer.status_code, answer.json()) == (201, {"count": 1, "before": 0})
    assert (await client.get("/wishes/k")).json() == {"count": 1, "wish": SAID}
    rows = await house.ask(
        "SELECT state::text FROM aggregate UNION ALL SELECT convert_from(value, 'UTF8') FROM outbox "
        "UNION ALL SELECT word FROM words UNION ALL SELECT answer::text FROM idempotency"
    )
    assert len(rows) == 4
    assert [row for (row,) in rows if SAID in row or WORD in row or '"letters"' in row] == []


async def test_a_word_for_a_column_opens_with_the_subject_s_key_alone(house: House, start: Start) -> None:
    await post(await start(), ask=Ask.PASS_ON, word=WORD)
    ((token,),) = await house.ask("SELECT word FROM words")
    word = sealed_text(token, "word")
    word.unlock(await house.key(ADA))
    assert word.content == WORD


async def test_commands_and_events_of_one_key_open_each_other_s(house: House, start: Start) -> None:
    key = await house.key(ADA)
    await (await house.inbox()).process([told(0, "k", 1, "one", by=key)])
    await post(await start(), text="two")
    await (await house.inbox()).process([told(1, "k", 2, "three", by=key)])
    state = await house.admin.fetchval("SELECT state::text FROM aggregate WHERE key = 'k'")
    answer = opened(Box, state, key).answer
    assert answer is not None
    assert answer.content == Letters(letters=len("onetwothree"))


async def test_the_vault_is_asked_once_a_command(house: House, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    await post(await start(), text=SAID)
    client = await start()
    with watched(house, monkeypatch) as asked:
        answer = await post(client, "two", text="rain")
    assert answer.json() == {"count": 2, "before": 1}
    assert [subjects for subjects, _ in asked] == [[ADA]]


async def test_a_command_is_sealed_for_whom_the_state_is_about(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whom the command names is asked for in vain, and the right key behind the lock: such a command is a rarity."""
    await post(await start(), text=SAID)
    client = await start()
    with watched(house, monkeypatch) as asked:
        await post(client, "two", text="rain", about="bob")
    assert [subjects for subjects, _ in asked] == [["bob"], [ADA]]
    state = await house.admin.fetchval("SELECT state::text FROM aggregate WHERE key = 'k'")
    answer = opened(Box, state, await house.key(ADA)).answer
    assert answer is not None
    assert answer.content == Letters(letters=len(SAID + "rain"))


@pytest.mark.parametrize(
    "body",
    [{"text": SAID}, {"ask": Ask.PASS_ON, "text": SAID}, {"ask": Ask.PASS_ON, "word": WORD}],
    ids=["reads", "seals", "leaves a word"],
)
async def test_a_command_about_an_erased_subject_is_410_and_leaves_nothing(
    house: House, start: Start, body: dict[str, Any]
) -> None:
    await house.erase(ADA)
    client = await start()
    for _ in range(2):
        assert problem(await post(client, **body)) == (410, "person_erased", None)
    assert await stored(house) == NOTHING


async def test_what_needs_no_key_is_still_done_for_an_erased_subject(house: House, start: Start) -> None:
    await house.erase(ADA)
    assert (await post(await start(), ask=Ask.PASS_ON)).status_code == 201


async def test_a_read_of_an_erased_subject_shows_the_rest(house: House, start: Start) -> None:
    await post(await start(), text=SAID)
    await house.erase(ADA)
    assert (await (await start()).get("/wishes/k")).json() == {"count": 1, "wish": None}


async def test_what_is_held_of_a_restricted_subject_is_neither_used_nor_shown(house: House, start: Start) -> None:
    await post(await start(), "first", text=SAID)
    await house.restrict(ADA)
    client = await start()
    for body in ({"text": "rain"}, {"ask": Ask.PASS_ON}, {"ask": Ask.PASS_ON, "word": WORD}):
        assert problem(await post(client, "second", **body)) == (423, "person_restricted", None)
    assert problem(await client.get("/wishes/k")) == (423, "person_restricted", None)
    assert await stored(house) == {"idempotency": 1, "outbox": 1, "words": 0}


async def test_a_refusal_of_the_domain_is_what_it_was(start: Start) -> None:
    assert problem(await post(await start(), ask=Ask.REFUSE)) == (409, "unwished", None)


async def test_a_lost_key_is_503_and_the_same_request_is_done_when_it_is_back(house: House, start: Start) -> None:
    client = await start()
    lost = await house.lose(ADA)
    assert problem(await post(client, text=SAID, word=WORD)) == (503, "key_missing", "30")
    assert await stored(house) == NOTHING
    assert await house.stops() == [], "one request stops no worker"
    await house.put_back(lost)
    assert (await post(client, text=SAID, word=WORD)).status_code == 201
    assert (await post(client, text=SAID, word=WORD)).headers["idempotency-replayed"] == "true"
    assert await stored(house) == {"idempotency": 1, "outbox": 1, "words": 1}
    lost = await house.lose(ADA)
    assert problem(await (await start()).get("/wishes/k")) == (503, "key_missing", "30")


async def test_a_vault_out_of_reach_is_503_and_the_same_request_is_done_after(house: House, start: Start) -> None:
    await post(await start(), "first", text="one")
    client = await start()
    await house.shut_vault()
    assert problem(await post(client, text=SAID)) == (503, "vault_unavailable", "2")
    assert problem(await client.get("/wishes/k")) == (503, "vault_unavailable", "2")
    assert (await client.get("/livez")).status_code == 200
    await house.open_vault()
    await house.stop_serving()
    assert problem(await post(client, text=SAID)) == (503, "vault_unavailable", "2")
    await house.serve()
    assert (await post(client, text=SAID)).status_code == 201
    assert (await stored(house))["outbox"] == 2


async def test_a_wrong_root_key_is_503_and_says_nothing_of_it(house: House, start: Start, other_root_key: str) -> None:
    answer = await post(await start(root_key=other_root_key), text=SAID)
    assert problem(answer) == (503, "wrapping_key_wrong", "30")
    assert other_root_key.removeprefix("file:") not in answer.text
    assert await stored(house) == NOTHING


async def test_a_vault_that_hangs_is_given_up_after_some_seconds(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.kernel.sealing.keyring.WAIT_SECONDS", 0.2)
    client = await start()
    async with house.safe.transaction():
        await house.safe.execute("LOCK TABLE subject_key IN ACCESS EXCLUSIVE MODE")
        assert problem(await post(client, text=SAID)) == (503, "vault_unavailable", "2")
    assert (await post(client, text=SAID)).status_code == 201


async def test_a_command_that_waits_for_the_vault_holds_no_aggregate(house: House, start: Start) -> None:
    """Neither a batch nor another command of the same key waits for it."""
    await post(await start(), "first", text="one")
    client = await start()
    async with house.safe.transaction():
        await house.safe.execute("LOCK TABLE subject_key IN ACCESS EXCLUSIVE MODE")
        waiting = asyncio.create_task(post(client, "second", text="two"))
        look = await asyncpg.connect(house.databases("vault").admin_dsn)
        house.stack.callback(look.terminate)

        async def waits() -> bool:
            return bool(await look.fetchval(WAITS_FOR_A_LOCK))

        await until(waits)
        async with house.admin.transaction():
            assert await house.ask("SELECT key FROM aggregate FOR UPDATE NOWAIT") == [("k",)]
        assert not waiting.done()
    assert (await waiting).status_code == 201


async def test_a_stop_of_a_database_behind_its_log_comes_first(house: House, start: Start) -> None:
    await house.shut_vault()
    await house.admin.execute("INSERT INTO consumer_stop (reason, detail) VALUES ($1, '')", stops.BEHIND_LOG)
    code = problem(await post(await start(), text=SAID))[:2]
    assert code == (503, "database_behind_log")
    await house.open_vault()


async def test_logs_of_such_failures_hold_codes_and_no_content(
    house: House, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.lose(ADA)
    await post(await start(), text=SAID, word=WORD)
    said = "".join(capsys.readouterr())
    assert "http_without_keys" in said
    assert SAID not in said
    assert WORD not in said
    assert json.dumps(SAID) not in said
