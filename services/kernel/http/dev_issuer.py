"""A token issuer for development: it gives anybody the token that they ask for.

:func:`create_issuer` refuses to exist unless the environment says development.
"""

from datetime import timedelta
from typing import Annotated, Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.kernel.clock import Clock, system_clock
from services.kernel.settings import Environment, Settings

LIFETIME = timedelta(hours=12)
KEY_ID = "development-1"

Claim = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class TokenRequest(BaseModel):
    """The claims of the token that is wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sub: Claim
    org: Claim
    organisation_kind: Claim
    programme: Claim
    role: Claim


class DevIssuer:
    """A signing key made at start and what it signs. Raises ValueError outside development."""

    def __init__(self, settings: Settings, clock: Clock = system_clock) -> None:
        if settings.environment is not Environment.DEVELOPMENT:
            raise ValueError(
                "the development issuer gives a token to anybody; it starts only with PATHWAY_ENVIRONMENT=development"
            )
        self._settings = settings
        self._clock = clock
        self._key = ec.generate_private_key(ec.SECP256R1())

    def jwks(self) -> dict[str, Any]:
        """Return the public key set."""
        public = jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "ES256"}]}

    def token(self, **claims: Any) -> str:
        """Return a token; ``claims`` are added to, or replace, issuer, audience and times."""
        now = self._clock()
        basic = {
            "iss": self._settings.issuer_url,
            "aud": self._settings.audience,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
        }
        return jwt.encode({**basic, **claims}, self._key, algorithm="ES256", headers={"kid": KEY_ID})

    def headers(
        self,
        role: str,
        *,
        sub: str = "someone",
        org: str = "P84001",
        organisation_kind: str = "any",
        programme: str = "any",
    ) -> dict[str, str]:
        """Return the Authorization header of a token with these claims."""
        token = self.token(sub=sub, org=org, organisation_kind=organisation_kind, programme=programme, role=role)
        return {"Authorization": f"Bearer {token}"}

    def transport(self) -> httpx.AsyncBaseTransport:
        """Return a transport that answers an API's request for keys without a network."""
        return httpx.MockTransport(lambda _: httpx.Response(200, json=self.jwks()))


def create_issuer(settings: Settings) -> FastAPI:
    """Return the issuer as an app. Raises ValueError outside development."""
    issuer = DevIssuer(settings)
    app = FastAPI(title="Development issuer", version="0.1", redoc_url=None)

    @app.get("/.well-known/openid-configuration")
    async def configuration() -> dict[str, Any]:
        return {
            "issuer": settings.issuer_url,
            "jwks_uri": settings.jwks_url,
            "token_endpoint": f"{settings.issuer_url}/token",
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    @app.get("/jwks")
    async def jwks() -> dict[str, Any]:
        return issuer.jwks()

    @app.post("/token")
    async def token(request: TokenRequest) -> dict[str, Any]:
        return {
            "access_token": issuer.token(**request.model_dump()),
            "token_type": "Bearer",
            "expires_in": int(LIFETIME.total_seconds()),
        }

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    return app
