"""The demo's HTTP client: a token for every role it plays, an idempotency key on every POST."""

import asyncio
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import httpx

from services.demo.person import Sender

TIMEOUT_SECONDS: Final = 30.0
LONGEST_NAME: Final = 48
"""So much of a provider's id goes into the subjects of its people, which have at most 64 characters."""
AUDITOR: Final = Sender("auditor-1", "audit", "nhs", "all", "auditor")
"""Reads all, whatever programme the token names."""


def clinical(programme: str) -> Sender:
    """The named person who takes up a programme's holds."""
    return Sender("clinical-safety-1", "clinical-safety", "nhs", programme, "clinical_safety")


def coach_of(plan: Mapping[str, Any], number: int) -> Sender:
    """One of the three coaches of a plan's provider."""
    provider = plan["provider"]
    return Sender(
        f"coach-{provider[:LONGEST_NAME]}-{number % 3 + 1}", provider, "provider", plan["programme"]["id"], "coach"
    )


def finance_of(provider: str, programme: str) -> Sender:
    """A provider's finance officer."""
    return Sender(f"finance-{provider[:LONGEST_NAME]}", provider, "provider", programme, "provider_finance")


def commissioner_of(programme: str, number: int) -> Sender:
    """One of a programme's commissioners: two acts on one statement need two persons."""
    return Sender(f"commissioner-{number}", "commissioner", "nhs", programme, "commissioner")


@dataclass(frozen=True)
class Reply:
    """An answer: its status and body."""

    status: int
    body: Any

    @property
    def codes(self) -> list[str]:
        """The codes of a problem document."""
        if not isinstance(self.body, dict):
            return []
        return [error["code"] for error in self.body.get("errors", [])] or [str(self.body.get("code", self.status))]


class Client:
    """Speaks to all APIs. Use as an async context manager; made and used in one event loop.

    Many small clients with a connection or two each, handed out in turn: a connection pool looks at all of
    its connections at every request, which for one large pool costs more than the requests.
    """

    def __init__(self, issuer: str, urls: dict[str, str], at_once: int) -> None:
        if find_spec("sniffio") is None:
            # httpcore looks for it at every request; a search of the whole path that fails, each time
            sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # None: known not to be there
        self._issuer = issuer
        self._urls = urls
        plain = ssl.create_default_context()
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        self._all = [httpx.AsyncClient(timeout=TIMEOUT_SECONDS, verify=plain, trust_env=False) for _ in range(at_once)]
        for one in self._all:
            self._free.put_nowait(one)
        self._tokens: dict[Sender, str] = {}

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self._all:
            await one.aclose()

    async def post(self, service: str, path: str, body: Any, sender: Sender, key: str) -> Reply:
        """POST once: the same ``key`` again gets the same answer."""
        headers = {**await self._authorization(sender), "Idempotency-Key": key}
        return await self._send("POST", self._urls[service] + path, json=body, headers=headers)

    async def get(self, service: str, path: str, sender: Sender, **query: str) -> Reply:
        """GET."""
        headers = await self._authorization(sender)
        return await self._send("GET", self._urls[service] + path, params=query, headers=headers)

    async def _authorization(self, sender: Sender) -> dict[str, str]:
        if sender not in self._tokens:
            answer = await self._send("POST", f"{self._issuer}/token", json=sender.claims)
            self._tokens[sender] = answer.body["access_token"]
        return {"Authorization": f"Bearer {self._tokens[sender]}"}

    async def _send(self, method: str, url: str, **request: Any) -> Reply:
        one = await self._free.get()
        try:
            try:
                answer = await one.request(method, url, **request)
            except (httpx.RemoteProtocolError, httpx.ReadError):
                # the server closed an idle connection just as it was used again; every POST has its key
                answer = await one.request(method, url, **request)
        finally:
            self._free.put_nowait(one)
        return _reply(answer)


def _reply(answer: httpx.Response) -> Reply:
    kind = answer.headers.get("content-type", "")
    return Reply(answer.status_code, answer.json() if "json" in kind else answer.text)
