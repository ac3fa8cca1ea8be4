"""Sends referrals to the batch route and reads what became of each; sends again what was not answered.

A request's key follows from the file's content, the request's place in it and the lines themselves. So whoever is
killed and run again sends the same requests with the same keys: lines that were done are answered from the store, and
the rest is done.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx

from services.bulk.mapping import Referral

LINES: Final = 500
"""Lines in a request: a lost connection costs a second's work. A rehearsal needs all in one, to see them together."""
LINES_REHEARSED: Final = 10_000
BYTES: Final = 32 * 1024 * 1024
PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
NO_API: Final = "the address does not answer as an intake API does: look at --api"
PLACE: Final = "/referrals:batch"
PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, 504})
_SPACE: Final = uuid.UUID("8d1f0c6a-2f0b-5f6e-9a55-5f3b1d1c7a10")


class SendingFailed(Exception):
    """The API did not take the file, or went away for good. ``code`` is stable; what was done stays done."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API said of one line."""

    status: int
    replayed: bool
    body: dict[str, Any]


Answered = Callable[[Referral, Reply], None]


class Sender:
    """One import's connection. ``digest`` is of the file's content."""

    def __init__(self, client: httpx.Client, digest: bytes, *, patience: float) -> None:
        self._client = client
        self._digest = digest
        self._patience = patience

    def send(self, referrals: Sequence[Referral], answered: Answered, *, rehearsal: bool) -> None:
        """Send referrals in order; ``answered`` hears of each once. Raises SendingFailed."""
        limit = LINES_REHEARSED if rehearsal else LINES
        for place, block in enumerate(_blocks(referrals, limit)):
            self._send(place, block, answered, rehearsal=rehearsal)

    def _send(self, place: int, block: Sequence[Referral], answered: Answered, *, rehearsal: bool) -> None:
        body = b"".join(referral.line() for referral in block)
        request = _Request(self._client, body, self._key(place, body, rehearsal=rehearsal), rehearsal)
        left = set(range(1, len(block) + 1))
        passing: dict[int, Reply] = {}
        deadline, tries = time.monotonic() + self._patience, 0
        while True:
            before = len(left)
            why = request.send(block, left, passing, answered)
            if not left:
                return
            if len(left) < before:
                deadline, tries = time.monotonic() + self._patience, 0
            pause = PAUSES[min(tries, len(PAUSES) - 1)]
            if time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
            tries += 1
        if not left <= passing.keys():
            raise SendingFailed("unreachable", f"{why}; what was done stays done: run the same command again")
        for line in sorted(left):  # each by itself cannot be done now, such as for somebody whose key is lost
            answered(block[line - 1], passing[line])

    def _key(self, place: int, body: bytes, *, rehearsal: bool) -> str:
        content = hashlib.sha256(body).hexdigest()
        return str(uuid.uuid5(_SPACE, f"{self._digest.hex()}/{place}/{content}/{rehearsal}"))


@dataclass(frozen=True, slots=True)
class _Request:
    """One request; it may be sent many times."""

    client: httpx.Client
    body: bytes
    key: str
    rehearsal: bool

    def send(self, block: Sequence[Referral], left: set[int], passing: dict[int, Reply], answered: Answered) -> str:
        """Send it and take the answers of lines that are ``left``; return why there may be no more."""
        try:
            for line, reply in self._ask():
                if reply.status in PASSING:
                    passing[line] = reply
                elif line in left:
                    answered(block[line - 1], reply)
                    left.remove(line)
        except httpx.TransportError as error:
            return f"the API does not answer ({type(error).__name__})"
        return "the API stopped in the middle"

    def _ask(self) -> Iterator[tuple[int, Reply]]:
        """Send a request; yield each line's number and answer, as far as they come. Raises SendingFailed, and
        httpx.TransportError.
        """
        headers = {"Idempotency-Key": self.key, "Content-Type": "application/x-ndjson"}
        query = {"dry_run": "true"} if self.rehearsal else None
        with self.client.stream("POST", PLACE, content=self.body, headers=headers, params=query) as answer:
            if answer.status_code in PASSING:
                raise httpx.TransportError(f"status {answer.status_code}")
            if answer.status_code != HTTPStatus.OK:
                raise _refused(answer)
            for text in answer.iter_lines():
                line, reply = _understood(text)
                if line is not None:
                    yield line, reply
                elif reply.status in PASSING:
                    return
                else:
                    raise SendingFailed(reply.body["code"], reply.body["detail"])


def _understood(text: str) -> tuple[int | None, Reply]:
    try:
        told = json.loads(text)
        return told["line"], Reply(int(told["status"]), bool(told.get("replayed")), dict(told["body"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SendingFailed("not_understood", NO_API) from None


def _blocks(referrals: Sequence[Referral], limit: int) -> Iterator[list[Referral]]:
    block: list[Referral] = []
    size = 0
    for referral in referrals:
        length = len(referral.line())
        if block and (len(block) == limit or size + length > BYTES):
            yield block
            block, size = [], 0
        block.append(referral)
        size += length
    if block:
        yield block


def _refused(answer: httpx.Response) -> SendingFailed:
    """Say why no line was looked at: a token that does not hold, another role, an address that is no API."""
    try:
        problem = json.loads(answer.read())
        code, detail = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        code, detail = f"http_{answer.status_code}", NO_API
    return SendingFailed(code, detail)
