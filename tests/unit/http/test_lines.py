"""Lines cut from whatever comes, and answers for whoever takes them."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.http import lines
from services.kernel.http.body import MAX_BODY_BYTES
from services.kernel.http.lines import ClientGone, Outlet, Splitter


@given(st.lists(st.binary(max_size=12) | st.just(b"\n"), max_size=20))
def test_where_the_pieces_are_cut_does_not_matter(pieces: list[bytes]) -> None:
    whole, apart = Splitter(), Splitter()
    body = b"".join(pieces)
    expected = [*whole.feed(body), *whole.end()]
    assert [*(line for piece in pieces for line in apart.feed(piece)), *apart.end()] == expected
    assert [(line.number, line.content) for line in expected] == [
        (number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip(b" \t\r")
    ]


def test_of_a_line_beyond_the_limit_the_beginning_is_held() -> None:
    splitter = Splitter()
    for _ in range(100):
        assert list(splitter.feed(b"x" * 1000)) == []
    assert len(splitter._rest) <= MAX_BODY_BYTES
    found = list(splitter.feed(b"x\n1\n"))
    assert [(line.number, line.content, line.too_long) for line in found] == [
        (1, b"x" * MAX_BODY_BYTES, True),
        (2, b"1", False),
    ]
    exact = list(Splitter().feed(b"x" * MAX_BODY_BYTES + b"\n"))
    assert [line.too_long for line in exact] == [False]


async def test_answers_wait_for_a_client_up_to_a_limit_and_then_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_PENDING_BYTES", 100)
    monkeypatch.setattr(lines, "IDLE_SECONDS", 0.05)

    async def never(_: Any) -> None:
        await asyncio.Event().wait()

    outlet = Outlet(never)
    await outlet.put(b"x" * 100)
    assert outlet.started
    with pytest.raises(ClientGone):
        await outlet.put(b"x")
    with pytest.raises(ClientGone):
        await outlet.close()
    outlet.cancel()


async def test_a_client_that_has_gone_is_noticed() -> None:
    async def gone(_: Any) -> None:
        raise OSError

    outlet = Outlet(gone)
    await outlet.put(b"x")
    await asyncio.sleep(0)
    with pytest.raises(ClientGone):
        await outlet.put(b"x")
    with pytest.raises(ClientGone):
        await outlet.close()


async def test_everything_is_sent_in_order() -> None:
    sent: list[Any] = []

    async def slow(message: Any) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    outlet = Outlet(slow)
    for number in range(50):
        await outlet.put(b"%d" % number)
    await outlet.close()
    assert [m["status"] for m in sent if m["type"] == "http.response.start"] == [200]
    bodies = [m for m in sent if m["type"] == "http.response.body"]
    assert [m["body"] for m in bodies] == [*(b"%d" % n for n in range(50)), b""]
    assert [m["more_body"] for m in bodies] == [True] * 50 + [False]
