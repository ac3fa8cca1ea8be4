"""Requests as the canary's two clients: a coach of its own provider, and that provider's finance."""

import time
from typing import Any, Final

import httpx

from services.canary.person import PROGRAMME, PROVIDER
from services.canary.settings import CanarySettings

COACH: Final = "coach"
FINANCE: Final = "provider_finance"
CLIENTS: Final = {COACH: "pathway-canary-coach", FINANCE: "pathway-canary-finance"}
"""The client ids at the issuer; each client's tokens bear the role, the programme and the provider as organisation."""
REQUEST_SECONDS: Final = 5.0
SPARE_SECONDS: Final = 60.0
"""So long before its end a token is used no more."""
OK: Final = frozenset({200, 201})


class NoAnswer(Exception):
    """A request had no answer, or not the one that it must have; says which."""


class Client:
    """Speaks to the APIs. Use as an async context manager."""

    def __init__(self, settings: CanarySettings, issuer_url: str) -> None:
        self._settings = settings
        self._tokens_url = settings.tokens_url or f"{issuer_url}/token"
        self._tokens: dict[str, tuple[str, float]] = {}

    async def __aenter__(self) -> "Client":
        self._http = httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def post(self, service: str, path: str, body: Any, key: str) -> Any:
        """POST as the coach: the same ``key`` again gets the same answer. Raises NoAnswer."""
        return await self._asked("POST", service, path, COACH, json=body, headers={"Idempotency-Key": key})

    async def get(self, service: str, path: str, role: str = COACH) -> Any:
        """GET. Raises NoAnswer."""
        return await self._asked("GET", service, path, role)

    async def _asked(self, method: str, service: str, path: str, role: str, **more: Any) -> Any:
        headers = {**more.pop("headers", {}), "Authorization": f"Bearer {await self._token(role)}"}
        url = self._settings.urls.get(service) or self._settings.url.replace("{service}", service)
        answer = await self._send(method, url + path, headers=headers, **more)
        if answer.status_code not in OK:
            raise NoAnswer(f"{service} answered {answer.status_code} {', '.join(_codes(answer))}".rstrip())
        return answer.json()

    async def _token(self, role: str) -> str:
        token, until = self._tokens.get(role, ("", 0.0))
        if time.monotonic() < until:
            return token
        secret = (self._settings.coach_secret if role == COACH else self._settings.finance_secret).get_secret_value()
        if secret:
            form = {"grant_type": "client_credentials", "client_id": CLIENTS[role], "client_secret": secret}
            answer = await self._send("POST", self._tokens_url, data=form)
        else:
            claims = {"sub": CLIENTS[role], "org": PROVIDER, "organisation_kind": "provider", "programme": PROGRAMME}
            answer = await self._send("POST", self._tokens_url, json={**claims, "role": role})
        if answer.status_code not in OK:
            raise NoAnswer(f"the issuer answered {answer.status_code} to {CLIENTS[role]}")
        found = answer.json()
        token = str(found["access_token"])
        self._tokens[role] = (token, time.monotonic() + float(found.get("expires_in", 0)) - SPARE_SECONDS)
        return token

    async def _send(self, method: str, url: str, **request: Any) -> httpx.Response:
        try:
            return await self._http.request(method, url, **request)
        except httpx.HTTPError as error:
            raise NoAnswer(f"{httpx.URL(url).host} does not answer ({type(error).__name__})") from error


def _codes(answer: httpx.Response) -> list[str]:
    """The codes of a problem document; of anything else nothing, since it may quote anybody."""
    try:
        body = answer.json()
    except ValueError:
        return []
    return [str(error.get("code")) for error in body.get("errors", [])] if isinstance(body, dict) else []
