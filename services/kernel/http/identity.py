"""Who sends a request: bearer tokens of an OpenID Connect issuer, and the roles that a route asks for."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import httpx
import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.kernel.http.exchange import exchange_of
from services.kernel.http.problems import Problem

ALGORITHMS = ("ES256", "RS256", "EdDSA")
LEEWAY_SECONDS = 60
MAX_TOKEN_CHARACTERS = 8192
KEYS_FRESH_SECONDS = 600.0
REFRESH_AT_MOST_EVERY_SECONDS = 30.0
FETCH_TIMEOUT_SECONDS = 5.0

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}")
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:|-]{0,63}")


@dataclass(frozen=True, slots=True)
class Principal:
    """The sender as the token says.

    ``subject`` is pseudonymous and unique within the issuer; it goes into events as the actor, so nothing
    that looks like a mail address is taken for one.
    """

    subject: str
    organisation_id: str
    organisation_kind: str
    programme: str
    role: str

    @property
    def client(self) -> str:
        """The scope of its idempotency keys (an organisation holds no bar, so no two clients meet)."""
        return f"{self.organisation_id}|{self.subject}"


class Verifier(Protocol):
    """Turns a bearer token into a principal."""

    async def verify(self, token: str) -> Principal:
        """Return who it names. Raises :class:`Problem` 401, or 503 when keys cannot be had."""
        ...


def token_refused(code: str, detail: str) -> Problem:
    """Return the 401 of RFC 6750."""
    return Problem(
        401, code, detail, headers={"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{code}"'}
    )


class KeySet:
    """The issuer's public keys, fetched when first needed and kept.

    They are fetched again after ``KEYS_FRESH_SECONDS`` and for a key id that is not known, at most every
    ``REFRESH_AT_MOST_EVERY_SECONDS``: tokens with invented key ids must not turn into requests to the
    issuer. While the issuer is down the keys at hand stay in use.
    """

    def __init__(self, url: str, client: httpx.AsyncClient, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._client = client
        self._monotonic = monotonic
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """Return the key named ``kid`` or None. Raises Problem 503 when no key could ever be fetched."""
        if kid not in self._keys or self._monotonic() - self._fetched > KEYS_FRESH_SECONDS:
            await self._refresh()
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        async with self._lock:
            if self._monotonic() - self._tried < REFRESH_AT_MOST_EVERY_SECONDS and self._keys:
                return
            self._tried = self._monotonic()
            try:
                answer = await self._client.get(self._url, timeout=FETCH_TIMEOUT_SECONDS)
                answer.raise_for_status()
                found = _read_keys(answer.json())
            except (httpx.HTTPError, ValueError, TypeError, jwt.PyJWTError) as error:
                if self._keys:
                    return
                raise Problem(
                    503,
                    "issuer_unavailable",
                    "the identity provider's keys cannot be fetched",
                    headers={"Retry-After": "5"},
                ) from error
            self._keys = {k.key_id: k for k in found.keys if k.key_id and k.algorithm_name in ALGORITHMS}
            self._fetched = self._monotonic()


def _read_keys(document: Any) -> jwt.PyJWKSet:
    if not isinstance(document, dict):
        raise TypeError("a key set is an object")
    return jwt.PyJWKSet.from_dict(document)


class TokenVerifier:
    """Verifies JSON Web Tokens of one issuer for one audience."""

    def __init__(self, keys: KeySet, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    async def verify(self, token: str) -> Principal:
        """Check signature, issuer, audience, times and claims."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise token_refused("token_invalid", "the token is too long")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise token_refused("token_invalid", "the token is not a JSON Web Token") from None
        kid = header.get("kid")
        key = await self._keys.key(kid) if isinstance(kid, str) and header.get("alg") in ALGORITHMS else None
        if key is None or key.algorithm_name != header["alg"]:
            raise token_refused("token_invalid", "the token is not signed with a key of the issuer")
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[header["alg"]],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise token_refused("token_expired", "the token has expired") from None
        except jwt.PyJWTError:
            raise token_refused(
                "token_invalid", "the token's signature, issuer, audience or times do not hold"
            ) from None
        return principal_of(claims)


def principal_of(claims: dict[str, Any]) -> Principal:
    """Read the claims. Raises Problem 401 when one is missing or not an identifier."""
    values = []
    for name in ("sub", "org", "organisation_kind", "programme", "role"):
        value = claims.get(name)
        form = _SUBJECT if name == "sub" else _IDENTIFIER
        if not isinstance(value, str) or not form.fullmatch(value):
            raise token_refused("token_invalid", f"the claim {name} is missing or malformed")
        values.append(value)
    return Principal(*values)


_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A token of the programme's identity provider.")


@dataclass(frozen=True)
class RoleGuard:
    """The dependency behind :func:`require`; a walk over the routes looks for it."""

    roles: frozenset[str]

    async def __call__(
        self, request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Principal:
        """Return the sender. Raises Problem 401 without a good token, 403 in another role."""
        exchange = exchange_of(request.scope)
        if exchange.principal is None:
            raise exchange.refusal or token_refused("token_missing", "a bearer token is needed")
        if self.roles and exchange.principal.role not in self.roles:
            raise Problem(403, "role_not_allowed", f"this needs one of the roles {', '.join(sorted(self.roles))}")
        return exchange.principal


def require(*roles: str) -> Any:
    """Ask for a principal in one of ``roles`` (none given: any). ``Annotated[Principal, require("coach")]``."""
    return Depends(RoleGuard(frozenset(roles)))
