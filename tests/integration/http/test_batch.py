"""Many referrals in one request on real PostgreSQL: each line as if it came alone, in order, once."""

import json
from typing import Any

import httpx

from services.intake.examples import GP_REFERRAL
from tests.integration.http.conftest import Ask
from tests.integration.http.test_intake import ask, changed, employer, gp, intake, keys, settings, stored

__all__ = ["ask", "employer", "gp", "intake", "keys", "settings", "stored"]

PLACE = "/referrals:batch"


def person(number: int, **more: Any) -> dict[str, Any]:
    return changed(
        GP_REFERRAL,
        referrer={"ods_code": "P84001", "reference": f"R-{number}"},
        person={
            **GP_REFERRAL["person"],
            "nhs_number": None,
            "family_name": "Name" + "abcdefghij"[number % 10] * (number // 10 + 1),
            **more,
        },
    )


def lines(*documents: Any) -> bytes:
    return b"".join(d + b"\n" if isinstance(d, bytes) else json.dumps(d).encode() + b"\n" for d in documents)


async def send(
    client: httpx.AsyncClient, content: bytes, key: str = "batch", place: str = PLACE
) -> list[dict[str, Any]]:
    headers = {"Idempotency-Key": key, "content-type": "application/x-ndjson"}
    answer = await client.post(place, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_each_line_is_answered_in_order(gp: httpx.AsyncClient, ask: Ask) -> None:
    told = await send(gp, lines(person(1), {**person(2), "unknown": 1}, b"{", person(3)))
    assert [(t["line"], t["status"]) for t in told] == [(1, 201), (2, 422), (3, 422), (4, 201)]
    assert ask("SELECT count(*) FROM outbox") == "2"
    again = await send(gp, lines(person(1), person(2), b"{", person(3)))
    assert [(t["line"], t["status"], t["replayed"]) for t in again] == [
        (1, 201, True),
        (2, 201, False),
        (3, 422, False),
        (4, 201, True),
    ]
    assert again[0]["body"] == told[0]["body"]
