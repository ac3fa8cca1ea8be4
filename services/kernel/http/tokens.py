"""Bearer tokens: JSON Web Tokens of an OpenID Connect issuer, verified with its published keys."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import jwt

from services.kernel.http.identity import Principal, principal_of, token_refused
from services.kernel.http.problems import Problem

ALGORITHMS = ("ES256", "RS256", "EdDSA")
LEEWAY_SECONDS = 60
MAX_TOKEN_CHARACTERS = 8192
MAX_KNOWN_TOKENS = 1000
KEYS_FRESH_SECONDS = 600.0
REFRESH_AT_MOST_EVERY_SECONDS = 30.0
FETCH_TIMEOUT_SECONDS = 5.0


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


@dataclass(frozen=True, slots=True)
class _Known:
    """A token whose signature held: good until ``expires`` and while its key is the issuer's."""

    principal: Principal
    kid: str
    key: jwt.PyJWK
    expires: float


class TokenVerifier:
    """Verifies JSON Web Tokens of one issuer for one audience.

    A verified token is remembered by its digest, because a client sends the same one for hours and
    checking a signature costs more than anything else at the edge.
    """

    def __init__(self, keys: KeySet, *, issuer: str, audience: str, seconds: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._seconds = seconds
        self._known: dict[bytes, _Known] = {}

    async def verify(self, token: str) -> Principal:
        """Check signature, issuer, audience, times and claims."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise token_refused("token_invalid", "the token is too long")
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known and self._seconds() < known.expires and await self._keys.key(known.kid) is known.key:
            return known.principal
        found = await self._verify(token)
        if len(self._known) >= MAX_KNOWN_TOKENS:
            self._known.clear()
        self._known[digest] = found
        return found.principal

    async def _verify(self, token: str) -> _Known:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise token_refused("token_invalid", "the token is not a JSON Web Token") from None
        kid, algorithm = header.get("kid"), header.get("alg")
        key = await self._keys.key(kid) if isinstance(kid, str) and algorithm in ALGORITHMS else None
        if key is None or key.algorithm_name != algorithm:
            raise token_refused("token_invalid", "the token is not signed with a key of the issuer")
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise token_refused("token_expired", "the token has expired") from None
        except jwt.PyJWTError:
            message = "the token's signature, issuer, audience or times do not hold"
            raise token_refused("token_invalid", message) from None
        return _Known(principal_of(claims), str(kid), key, float(claims["exp"]) + LEEWAY_SECONDS)
