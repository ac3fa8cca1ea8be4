"""Who calls the APIs: each request brings markers in its headers, each answer that is no reading is kept."""

import asyncio
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from services.demo.areas import MANCHESTER
from services.demo.client import clinical
from services.demo.person import Sender
from tests.e2e.leaks.markers import Markers, made

PROGRAMME: Final = MANCHESTER.programme
SURGERY: Final = Sender("surgery-1", "P84001", "nhs", PROGRAMME, "referrer")
EMPLOYER: Final = Sender("works-1", "example-logistics", "employer", PROGRAMME, "referrer")
COACH: Final = Sender("coach-1", "growth-company", "provider", PROGRAMME, "coach")
FINANCE: Final = Sender("finance-1", "growth-company", "provider", PROGRAMME, "provider_finance")
SAFETY: Final = clinical(PROGRAMME)
TRACE: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
GOOD_ID: Final = "3f0c8a52-1d7e-4b6a-9c55-0a1b2c3d4e5f"

_NAMES: Final = (
    *("X-Request-Id", "X-Correlation-Id", "traceparent", "tracestate", "baggage", "User-Agent", "Referer", "Cookie"),
    *("X-Forwarded-For", "Forwarded", "X-Person"),
)
STRAY: Final = {name: made("header", name) for name in _NAMES}
"""What a sender puts into headers that nobody asked for, or in a form that nobody asked for."""
KEY: Final = made("header", "Idempotency-Key")
PLACE: Final = made("address")
"""In paths, queries, methods."""
OF_REQUESTS: Final = Markers({**STRAY, "Idempotency-Key": KEY, "an address": PLACE})


@dataclass(frozen=True)
class Told:
    """An answer that is not the reading of what somebody may read: nothing of a person belongs into it."""

    asked: str
    status: int
    text: str


@dataclass
class Caller:
    """Speaks to the APIs of a system. Use within its event loop."""

    issuer: str
    urls: Mapping[str, str]
    told: list[Told] = field(default_factory=list)
    _tokens: dict[Sender, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _client: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(timeout=30.0, trust_env=False, limits=httpx.Limits(max_connections=8))
    )

    async def post(self, service: str, path: str, body: Any, who: Sender = SURGERY, **more: Any) -> httpx.Response:
        """POST a JSON document (bytes: as they are); ``key`` and ``headers`` may be given."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        key = more.pop("key", f"{KEY}-{next(self._numbers)}")
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, **more.pop("headers", {})}
        return await self._ask("POST", service, path, who, content=content, headers=headers)

    async def get(self, service: str, path: str, who: Sender = SURGERY, **query: str) -> httpx.Response:
        """GET."""
        return await self._ask("GET", service, path, who, params=query)

    async def _ask(self, method: str, service: str, path: str, who: Sender, **more: Any) -> httpx.Response:
        headers = {**STRAY, "Authorization": f"Bearer {await self.token(who)}", **more.pop("headers", {})}
        for again in range(2):
            try:
                answer = await self._client.request(method, self.urls[service] + path, headers=headers, **more)
            except httpx.TransportError:  # an idle connection to a process that was started again
                if again:
                    raise
            else:
                break
        self.keep(f"{method} {path}", answer, reading=method == "GET")
        return answer

    def keep(self, asked: str, answer: httpx.Response, *, reading: bool = False) -> None:
        """Note an answer: its headers, and its body unless that is what somebody asked to read."""
        body = "" if reading and answer.is_success else answer.text
        self.told.append(Told(asked, answer.status_code, f"{dict(answer.headers)}\n{body}"))

    async def raw(self, service: str, request: bytes) -> bytes:
        """Send bytes that no client would, and return what comes back."""
        address = urlsplit(self.urls[service])
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(request)
        await writer.drain()
        try:
            async with asyncio.timeout(10):
                found = await reader.read(65536)
        finally:
            writer.close()
        self.told.append(Told("bytes", 0, found.decode("utf-8", "replace")))
        return found

    async def token(self, who: Sender) -> str:
        """A token of somebody's."""
        if who not in self._tokens:
            claims = {
                "sub": who.subject,
                "org": who.organisation,
                "organisation_kind": who.organisation_kind,
                "programme": who.programme,
                "role": who.role,
            }
            answer = await self._client.post(f"{self.issuer}/token", json=claims)
            self._tokens[who] = answer.json()["access_token"]
        return self._tokens[who]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
