"""Many referrals in one request on real PostgreSQL: each line as if it came alone, in order, once."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from services.intake.domain import derive, referral
from services.intake.referrals.examples import EMPLOYER_REFERRAL, GP_REFERRAL
from services.kernel.http import lines as reading
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.commands import Commands, Transaction
from tests.integration.http.conftest import Ask, calling, emptied
from tests.integration.http.test_intake import ask, changed, employer, gp, intake, keys, post, settings, stored, token
from tests.parts.databases import Database
from tests.parts.keys import MadeKeys

__all__ = ["ask", "employer", "gp", "intake", "keys", "settings", "stored"]

PLACE = "/referrals:batch"
ANY = rules(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def person(number: int, **more: Any) -> dict[str, Any]:
    name = "Q" + "".join("abcdefghij"[int(digit)] * 3 for digit in str(number))
    return changed(
        GP_REFERRAL,
        referrer={"ods_code": "P84001", "reference": f"R-{number}"},
        person={**GP_REFERRAL["person"], "nhs_number": None, "family_name": name, **more},
    )


def lines(*documents: Any) -> bytes:
    return b"".join(d + b"\n" if isinstance(d, bytes) else json.dumps(d).encode() + b"\n" for d in documents)


async def ask_for(client: httpx.AsyncClient, content: bytes, key: str = "batch", place: str = PLACE) -> httpx.Response:
    headers = {"Idempotency-Key": key, "content-type": "application/x-ndjson"}
    return await client.post(place, content=content, headers=headers)


async def send(client: httpx.AsyncClient, content: bytes, key: str = "batch", place: str = PLACE) -> list[Any]:
    answer = await ask_for(client, content, key, place)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def statuses(told: list[Any]) -> list[tuple[int | None, int]]:
    return [(one["line"], one["status"]) for one in told]


async def test_each_line_is_answered_in_order_and_what_was_refused_may_be_sent_again(
    gp: httpx.AsyncClient, ask: Ask
) -> None:
    told = await send(gp, lines(person(1), {**person(2), "unknown": 1}, b"{", person(3)))
    assert statuses(told) == [(1, 201), (2, 422), (3, 422), (4, 201)]
    assert ask("SELECT count(*) FROM outbox") == "2"
    again = await send(gp, lines(person(1), person(2), b"{", person(3)))
    assert statuses(again) == [(1, 201), (2, 201), (3, 422), (4, 201)]
    assert [one["replayed"] for one in again] == [True, False, False, True]
    assert again[0]["body"] == told[0]["body"]
    assert ask("SELECT count(*) FROM idempotency") == "3"


async def test_a_line_is_answered_as_the_single_route_answers(gp: httpx.AsyncClient) -> None:
    red = changed(person(1), assessment={"red_flags": {"saddle_numbness": True}, "conditions": ["back_pain"]})
    other = changed(red, person=person(2)["person"], referrer=person(2)["referrer"])
    wrong = [{**red, "unknown": 1}, changed(red, consents={}), {"route": 1}, 7, "x", red]
    for number, (one, many) in enumerate([(red, other), *((document, document) for document in wrong)]):
        alone = await gp.post("/referrals", json=one, headers={"Idempotency-Key": f"alone-{number}"})
        [told] = await send(gp, lines(many), key=f"many-{number}")
        ours, theirs = dict(told["body"]), dict(alone.json())
        for varying in ("request_id", "referral_id", "links"):
            ours.pop(varying, None), theirs.pop(varying, None)
        assert (told["status"], ours) == (alone.status_code, theirs)


async def test_the_same_person_and_the_same_reference_within_one_chunk(gp: httpx.AsyncClient) -> None:
    same = changed(person(1), referrer={"ods_code": "P84001", "reference": "another"})
    told = await send(gp, lines(person(1), same, person(2), changed(person(3), referrer=person(2)["referrer"])))
    assert statuses(told) == [(1, 201), (2, 409), (3, 201), (4, 422)]
    assert told[1]["body"]["referral_id"] == told[0]["body"]["referral_id"]
    assert [error["code"] for error in told[3]["body"]["errors"]] == ["reference_used"]


async def test_an_employers_second_line_about_a_person_is_kept_and_linked(
    employer: httpx.AsyncClient, ask: Ask
) -> None:
    first = changed(EMPLOYER_REFERRAL, referrer={**EMPLOYER_REFERRAL["referrer"], "reference": "one"})
    second = changed(EMPLOYER_REFERRAL, referrer={**EMPLOYER_REFERRAL["referrer"], "reference": "two"})
    told = await send(employer, lines(first, second))
    assert statuses(told) == [(1, 201), (2, 201)]
    linked = ask("SELECT reference, linked_referral FROM referral ORDER BY reference").splitlines()
    assert linked == ["one|", f"two|{told[0]['body']['referral_id']}"]
    assert ask("SELECT count(*) FROM person") == "1"


NUMBERS = [None, "9990000018", "9990000026"]


def anybody(chance: random.Random, number: int) -> dict[str, Any]:
    """One of a few people, described well or badly, who may be in the file already."""
    document = person(number)
    document["referrer"]["reference"] = chance.choice([f"R-{number}", "R-0", None])
    document["person"] |= {
        "nhs_number": chance.choice(NUMBERS),
        "family_name": chance.choice(["Example", "Exampel", "Other", "Ada"]),
        "given_name": chance.choice(["Ada", "Example"]),
        "birth_date": chance.choice(["1986-04-12", "1986-12-04"]),
        "postcode": chance.choice(["M1 1AE", "M2 2BB", None]),
    }
    return document


STANDS = (
    "SELECT count(*), count(nhs_number), count(DISTINCT name_key) FROM person",
    "SELECT person_id IS NULL, count(*) FROM referral GROUP BY person_id ORDER BY 2",
    "SELECT count(*), count(linked_referral) FROM referral",
    "SELECT reasons::text, count(*) FROM near_match GROUP BY 1 ORDER BY 1",
    "SELECT nhs_number, split_part(name_key, '|', 1), count(*) FROM person GROUP BY 1, 2 ORDER BY 1, 2",
)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["nhs", "community"])
async def test_a_batch_does_what_the_same_lines_one_by_one_do(
    intake: FastAPI, issuer: DevIssuer, stored: Database, ask: Ask, kind: str, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  a test that can be repeated
    documents = [anybody(chance, number) for number in range(25)]
    for document in documents if kind == "community" else ():
        document |= {"route": "community", "assessment": None}
        document["referrer"] = {"name": "A charity", "reference": document["referrer"]["reference"]}
    async with calling(intake, token(issuer, kind, "some-org")) as client:
        alone = [(await post(client, document)).status_code for document in documents]
        one_by_one = [ask(sql) for sql in STANDS]
        emptied(stored)
        told = await send(client, lines(*documents))
    assert [one["status"] for one in told] == alone
    assert [ask(sql) for sql in STANDS] == one_by_one
    assert 201 in alone


async def test_a_rehearsal_sees_what_stands_in_earlier_chunks_and_leaves_nothing(
    gp: httpx.AsyncClient, ask: Ask, keys: MadeKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK_LINES", 2)
    chance = random.Random(1)  # noqa: S311  a test that can be repeated
    documents = [anybody(chance, number) for number in range(20)]
    keys.lost = Everybody()  # nobody who is made up has a key in the vault
    rehearsed = await send(gp, lines(*documents), place=f"{PLACE}?dry_run=true")
    assert keys.made == []
    for table in ("referral", "person", "outbox", "idempotency", "aggregate", "near_match"):
        assert ask(f"SELECT count(*) FROM {table}") == "0"
    keys.lost = set()
    real = await send(gp, lines(*documents))
    assert statuses(rehearsed) == statuses(real)
    assert {201, 409, 422} <= {status for _, status in statuses(real)}
    assert all(one["body"].get("referral_id") is None for one in rehearsed)
    again = await send(gp, lines(*documents), place=f"{PLACE}?dry_run=true")
    assert [one["replayed"] for one in again] == [one["status"] == 201 for one in real]


class Everybody(set[str]):
    def __contains__(self, _: object) -> bool:
        return True


async def test_a_bug_in_one_line_is_that_lines_alone(
    gp: httpx.AsyncClient, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = derive.created

    def breaks(posted: Any, *rest: Any, **more: Any) -> Any:
        if posted.person.family_name == person(2)["person"]["family_name"]:
            raise RuntimeError("a bug with a secret in it")
        return created(posted, *rest, **more)

    monkeypatch.setattr(referral, "created", breaks)
    told = await send(gp, lines(person(1), person(2), changed(person(2), referrer=person(9)["referrer"]), person(3)))
    assert statuses(told) == [(1, 201), (2, 500), (3, 500), (4, 201)]
    assert "secret" not in json.dumps(told)
    assert ask("SELECT count(*) FROM outbox") == "2"
    monkeypatch.undo()
    assert statuses(await send(gp, lines(person(1), person(2)))) == [(1, 201), (2, 201)]


async def test_what_the_database_refuses_of_one_line_is_that_lines_alone(gp: httpx.AsyncClient, ask: Ask) -> None:
    ask("ALTER TABLE referral_details ADD CONSTRAINT no_pia CHECK (given_name <> 'Pia')")
    try:
        told = await send(gp, lines(person(1), person(2, given_name="Pia"), person(3)))
    finally:
        ask("ALTER TABLE referral_details DROP CONSTRAINT no_pia")
    assert statuses(told) == [(1, 201), (2, 500), (3, 201)]
    assert ask("SELECT count(*), count(DISTINCT key) FROM outbox") == "2|2"
    assert ask("SELECT count(*) FROM person") == "2"


async def test_the_same_line_key_with_another_body_is_that_lines_refusal(gp: httpx.AsyncClient) -> None:
    await send(gp, lines(person(1), person(2)))
    told = await send(gp, lines(person(1), person(3), person(4)))
    assert statuses(told) == [(1, 201), (2, 422), (3, 201)]
    assert told[1]["body"]["code"] == "idempotency_key_reused"


async def test_the_same_request_twice_at_once_is_done_once(gp: httpx.AsyncClient, ask: Ask) -> None:
    content = lines(*(person(number) for number in range(60)))
    one, other = await asyncio.gather(send(gp, content), send(gp, content))
    assert statuses(one) == statuses(other) == [(number, 201) for number in range(1, 61)]
    assert [x["body"] for x in one] == [x["body"] for x in other]
    assert ask("SELECT count(*), count(DISTINCT key) FROM outbox") == "60|60"


async def test_a_chunk_asks_the_vault_once(
    gp: httpx.AsyncClient, keys: MadeKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    create = keys.create

    async def counted(subjects: Any) -> None:
        calls.append(len(list(subjects)))
        await create(subjects)

    monkeypatch.setattr(keys, "create", counted)
    await send(gp, lines(*(person(number) for number in range(50))))
    assert calls == [50]


async def test_who_is_lost_or_erased_touches_nobody_else_and_who_is_restricted_is_taken_in(
    gp: httpx.AsyncClient, ask: Ask, keys: MadeKeys, issuer: DevIssuer, intake: FastAPI
) -> None:
    await send(gp, lines(*(person(number) for number in range(4))))
    found = dict(row.split("|") for row in ask("SELECT reference, person_id FROM referral").splitlines())
    keys.erased, keys.lost, keys.restricted = {found["R-0"]}, {found["R-1"]}, {found["R-2"]}
    ask("UPDATE referral SET reference = NULL")
    ask(
        "INSERT INTO referral_status SELECT referral_id, 'referral.created', 9, 'withdrawn', '2024-11-19' FROM referral"
    )
    told = await send(gp, lines(*(person(number) for number in range(5))), key="later")
    assert statuses(told) == [(1, 201), (2, 503), (3, 201), (4, 201), (5, 201)]
    assert ask(f"SELECT count(*) FROM referral WHERE person_id = '{found['R-0']}'") == "1"


# what stands around the lines


async def test_who_may_send_lines_and_how(intake: FastAPI, issuer: DevIssuer, gp: httpx.AsyncClient) -> None:
    body = lines(person(1))
    async with calling(intake, {}) as nobody:
        assert (await ask_for(nobody, body)).status_code == 401
    async with calling(intake, token(issuer, role="commissioner")) as other:
        assert (await ask_for(other, body)).status_code == 403
    wrong = await gp.post(PLACE, content=body, headers={"Idempotency-Key": "k", "content-type": "application/json"})
    assert (wrong.status_code, wrong.json()["code"]) == (415, "unsupported_media_type")
    without = await gp.post(PLACE, content=body, headers={"content-type": "application/x-ndjson"})
    assert (without.status_code, without.json()["code"]) == (400, "idempotency_key_required")
    assert await send(gp, b"") == []


async def test_line_ends_blanks_and_lengths(gp: httpx.AsyncClient) -> None:
    long = json.dumps({"a": "x" * 70_000}).encode()
    content = b"\n" + lines(person(1)).replace(b"\n", b"\r\n") + b"  \n" + long + b"\n" + lines(person(2)).rstrip()
    told = await send(gp, content)
    assert statuses(told) == [(2, 201), (4, 413), (5, 201)]


async def test_more_lines_or_bytes_than_there_may_be(gp: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_LINES", 3)
    told = await send(gp, lines(*(person(number) for number in range(5))))
    assert statuses(told) == [(1, 201), (2, 201), (3, 201), (None, 413)]
    assert (told[-1]["body"]["code"], told[-1]["answered"]) == ("too_many_lines", 3)
    monkeypatch.setattr(reading, "MAX_STREAM_BYTES", 100)
    told = await send(gp, lines(person(7)), key="bytes")
    assert (told[-1]["line"], told[-1]["body"]["code"]) == (None, "body_too_large")


async def test_nobody_is_referred_by_the_route_provider_who_was_not_invited(
    intake: FastAPI, issuer: DevIssuer, ask: Ask
) -> None:
    by_provider = changed(person(1), route="provider", provider={"named": "big-life"})
    async with calling(intake, token(issuer, "provider", "big-life")) as client:
        alone = await post(client, by_provider)
        told = await send(client, lines(by_provider, person(2)))
        tried = await send(client, lines(by_provider), place=f"{PLACE}?dry_run=true")
    assert alone.status_code == 422
    for errors in (alone.json()["errors"], told[0]["body"]["errors"], tried[0]["body"]["errors"]):
        assert [(error["code"], error["pointer"]) for error in errors] == [("invite_first", "/route")]
        assert "POST /invitations" in errors[0]["message"]
    assert statuses(told) == [(1, 422), (2, 201)]
    assert ask("SELECT count(*) FROM outbox") == "1"


async def test_a_database_that_goes_away_says_where_it_stopped_and_the_same_request_goes_on(
    gp: httpx.AsyncClient, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK_LINES", 5)
    content = lines(*(person(number) for number in range(20)))
    begin, began = Commands.begin, 0

    @asynccontextmanager
    async def lost(self: Commands, **more: Any) -> AsyncIterator[Transaction]:
        nonlocal began
        began += 1
        async with begin(self, **more) as tx:
            yield tx
            if began == 3:
                raise ConnectionResetError

    monkeypatch.setattr(Commands, "begin", lost)
    told = await send(gp, content)
    assert statuses(told) == [*((number, 201) for number in range(1, 11)), (None, 503)]
    assert (told[-1]["answered"], told[-1]["body"]["code"]) == (10, "unavailable")
    began = 2
    at_once = await ask_for(gp, content, key="new")
    assert (at_once.status_code, int(at_once.headers["retry-after"])) == (503, 2)
    rest = await send(gp, content)
    assert [one["replayed"] for one in rest] == [True] * 10 + [False] * 10
    assert ask("SELECT count(*), count(DISTINCT key) FROM outbox") == "20|20"


@ANY
@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"", b"{}", b"[]", b"null", b'{"a":1', b"\xff", b" "])))
async def test_whatever_is_sent_each_line_is_answered_and_none_is_a_500(
    gp: httpx.AsyncClient, content: list[bytes]
) -> None:
    body = b"\n".join(content)
    told = await send(gp, body)
    rows = [number for number, line in enumerate(body.split(b"\n"), 1) if line.strip(b" \t\r")]
    assert [one["line"] for one in told] == rows
    assert all(one["status"] in {413, 422} for one in told)
