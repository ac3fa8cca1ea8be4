"""The demo's HTTP client: a token for every role it plays, an idempotency key on every POST."""

from dataclasses import dataclass
from typing import Any, Final

import httpx

from services.demo.person import Sender

PROGRAMME: Final = "workwell-greater-manchester"
TIMEOUT_SECONDS: Final = 30.0
CLINICAL: Final = Sender("clinical-safety-1", "clinical-safety", "nhs", "clinical_safety")
AUDITOR: Final = Sender("auditor-1", "audit", "nhs", "auditor")


def coach_of(provider: str, number: int) -> Sender:
    """One of a provider's three coaches."""
    return Sender(f"coach-{provider}-{number % 3 + 1}", provider, "provider", "coach")


def finance_of(provider: str) -> Sender:
    """A provider's finance officer."""
    return Sender(f"finance-{provider}", provider, "provider", "provider_finance")


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
    """Speaks to all APIs. Use as an async context manager."""

    def __init__(self, issuer: str, urls: dict[str, str], connections: int = 32) -> None:
        self._issuer = issuer
        self._urls = urls
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False)
        self._tokens: dict[Sender, str] = {}

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def post(self, service: str, path: str, body: Any, sender: Sender, key: str) -> Reply:
        """POST once: the same ``key`` again gets the same answer."""
        headers = {**await self._headers(sender), "Idempotency-Key": key}
        return _reply(await self._http.post(self._urls[service] + path, json=body, headers=headers))

    async def get(self, service: str, path: str, sender: Sender, **query: str) -> Reply:
        """GET."""
        answer = await self._http.get(self._urls[service] + path, params=query, headers=await self._headers(sender))
        return _reply(answer)

    async def _headers(self, sender: Sender) -> dict[str, str]:
        if sender not in self._tokens:
            claims = {
                "sub": sender.subject,
                "org": sender.organisation,
                "organisation_kind": sender.organisation_kind,
                "programme": PROGRAMME,
                "role": sender.role,
            }
            answer = await self._http.post(f"{self._issuer}/token", json=claims)
            answer.raise_for_status()
            self._tokens[sender] = answer.json()["access_token"]
        return {"Authorization": f"Bearer {self._tokens[sender]}"}


def _reply(answer: httpx.Response) -> Reply:
    kind = answer.headers.get("content-type", "")
    return Reply(answer.status_code, answer.json() if "json" in kind else answer.text)
