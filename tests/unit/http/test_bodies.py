"""What may come in: 64 KiB of plain JSON, checked before it is parsed."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.unit.http.test_problems import KEY, assert_problem

JSON = {**KEY, "content-type": "application/json"}


async def test_a_body_of_64_kib_is_read(client: httpx.AsyncClient) -> None:
    body = b'{"name": "x", "inner": {"size": 1}}'.ljust(64 * 1024)
    assert (await client.post("/things", content=body, headers=JSON)).status_code == 200


async def test_a_declared_larger_body_is_413(client: httpx.AsyncClient) -> None:
    assert_problem(await client.post("/things", content=b" " * (64 * 1024 + 1), headers=JSON), 413, "body_too_large")


async def test_a_body_declared_far_too_large_is_not_read_at_all(client: httpx.AsyncClient) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield b" " * 1024

    headers = {**JSON, "content-length": str(2 * 1024 * 1024)}
    assert_problem(await client.post("/things", content=endless(), headers=headers), 413, "body_too_large")
    assert given == 0


async def test_a_chunked_body_is_counted_while_it_is_read_and_not_kept(client: httpx.AsyncClient) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield b" " * 1024

    answer = await client.post("/things", content=endless(), headers=JSON)
    assert_problem(answer, 413, "body_too_large")
    assert "content-length" not in answer.request.headers
    assert given <= 1026


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"nonsense", "invalid_json"),
        (b'{"name": "\xff"}', "invalid_json"),
        (b'{"name": "x", "name": "y"}', "duplicate_key"),
        (b'{"inner": {"size": 1, "size": 1}}', "duplicate_key"),
        (b'{"na\\u006de": "x", "name": "y"}', "duplicate_key"),
        (b'{"a": NaN}', "not_a_number"),
        (b'{"a": -Infinity}', "not_a_number"),
        (b'{"a": 1e999}', "not_a_number"),
        (b'{"a": 9007199254740992}', "integer_too_large"),
        (b'{"a": -9007199254740992}', "integer_too_large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "integer_too_large"),
        (b'{"name": "\\u0000"}', "nul_character"),
        (b'{"\\u0000": 1}', "nul_character"),
        (b'{"name": "\x00"}', "nul_character"),
        (b'{"name": "\\ud800"}', "lone_surrogate"),
        (b"[" * 17 + b"]" * 17, "too_deep"),
        (b"[" * 30000 + b"]" * 30000, "too_deep"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "too_deep"),
    ],
    ids=lambda v: repr(v)[:40],
)
async def test_unsafe_json_is_refused_with_its_code(client: httpx.AsyncClient, body: bytes, code: str) -> None:
    assert_problem(await client.post("/things", content=body, headers=JSON), 422, code)


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "application/json; charset=utf-16"])
async def test_another_media_type_is_415(client: httpx.AsyncClient, content_type: str) -> None:
    headers = {**KEY, "content-type": content_type}
    assert_problem(await client.post("/things", content=b"{}", headers=headers), 415, "unsupported_media_type")


async def test_a_packed_body_is_415(client: httpx.AsyncClient) -> None:
    headers = {**JSON, "content-encoding": "gzip"}
    assert_problem(await client.post("/things", content=b"{}", headers=headers), 415, "unsupported_encoding")


async def test_a_body_from_nobody_is_not_read(client: httpx.AsyncClient) -> None:
    given = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal given
        given += 1
        yield b"{}"

    answer = await client.post("/things", content=counted(), headers={**JSON, "authorization": "Bearer nonsense"})
    assert_problem(answer, 401, "token_invalid")
    assert given == 0
