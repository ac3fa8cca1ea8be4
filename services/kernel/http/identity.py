"""Who sends a request, and the roles that a route asks for."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.kernel.http.exchange import exchange_of
from services.kernel.http.problems import Problem

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
    """Ask for a principal in one of ``roles`` (none given: any). ``Annotated[Principal, require("auditor")]``."""
    return Depends(RoleGuard(frozenset(roles)))
