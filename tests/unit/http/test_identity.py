"""Who may call what: tokens, roles, keys that turn over, and the issuer for development."""

import base64
import json
from datetime import timedelta
from typing import Annotated, Any
from unittest.mock import patch

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import APIRouter

from services.kernel.clock import system_clock
from services.kernel.http import Principal, Problem, create_api, require
from services.kernel.http.dev_issuer import DevIssuer, create_issuer
from services.kernel.http.tokens import LEEWAY_SECONDS, REFRESH_AT_MOST_EVERY_SECONDS, KeySet, TokenVerifier
from services.kernel.settings import Environment, Settings
from tests.unit.http.conftest import THING, Make, build, connect
from tests.unit.http.test_problems import KEY, assert_problem

CLAIMS = {"sub": "s1", "org": "P84001", "organisation_kind": "nhs", "programme": "p", "role": "maker"}


async def ask(make_app: Make, token: str) -> httpx.Response:
    async with connect(make_app(), {"authorization": f"Bearer {token}"}) as client:
        return await client.get("/things/1")


async def test_a_good_token_names_its_principal(make_app: Make, issuer: DevIssuer) -> None:
    answer = await ask(make_app, issuer.token(**CLAIMS))
    assert answer.json() == {"subject": "s1", "organisation": "P84001", "kind": "nhs"}


def at_once(claims: dict[str, Any]) -> dict[str, Any]:
    """Count what is a span from now: these tests may be collected long before they run."""
    return {k: system_clock() + v if isinstance(v, timedelta) else v for k, v in claims.items()}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"exp": timedelta(seconds=-90)}, "token_expired"),
        ({"nbf": timedelta(seconds=90)}, "token_invalid"),
        ({"iss": "http://elsewhere"}, "token_invalid"),
        ({"aud": "another"}, "token_invalid"),
        ({"sub": None}, "token_invalid"),
        ({"sub": "ada@example.org"}, "token_invalid"),
        ({"org": None}, "token_invalid"),
        ({"org": "a|b"}, "token_invalid"),
        ({"role": ["maker", "operator"]}, "token_invalid"),
        ({"programme": ""}, "token_invalid"),
        ({"organisation_kind": None}, "token_invalid"),
    ],
    ids=str,
)
async def test_a_token_that_does_not_hold_is_401(
    make_app: Make, issuer: DevIssuer, changed: dict[str, Any], code: str
) -> None:
    claims = {k: v for k, v in {**CLAIMS, **at_once(changed)}.items() if v is not None}
    answer = await ask(make_app, issuer.token(**claims))
    assert_problem(answer, 401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("changed", [{"exp": timedelta(seconds=-30)}, {"nbf": timedelta(seconds=30)}])
async def test_clocks_may_differ_by_a_little(make_app: Make, issuer: DevIssuer, changed: dict[str, Any]) -> None:
    assert (await ask(make_app, issuer.token(**{**CLAIMS, **at_once(changed)}))).status_code == 200


def times(settings: Settings) -> dict[str, Any]:
    return {"iss": settings.issuer_url, "aud": settings.audience, "exp": system_clock() + timedelta(hours=1)}


async def test_a_foreign_key_under_a_known_name_is_401(make_app: Make, settings: Settings) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    token = jwt.encode({**CLAIMS, **times(settings)}, key, "ES256", headers={"kid": "development-1"})
    assert_problem(await ask(make_app, token), 401, "token_invalid")


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_unsigned_and_symmetric_tokens_are_401(
    make_app: Make, settings: Settings, issuer: DevIssuer, algorithm: str
) -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value, default=str).encode()).rstrip(b"=").decode()

    claims = {**CLAIMS, **times(settings), "exp": int(system_clock().timestamp()) + 3600}
    secret = base64.urlsafe_b64decode(issuer.jwks()["keys"][0]["x"] + "==")
    token = (
        f"{part({'alg': 'none', 'kid': 'development-1'})}.{part(claims)}."
        if algorithm == "none"
        else jwt.encode(claims, secret, "HS256", headers={"kid": "development-1"})
    )
    assert_problem(await ask(make_app, token), 401, "token_invalid")


@pytest.mark.parametrize("value", ["", "Basic eDp5", "Bearer", "Bearer  ", "token"])
async def test_no_bearer_token_is_401(make_app: Make, value: str) -> None:
    async with connect(make_app(), {"authorization": value}) as client:
        assert_problem(await client.get("/things/1"), 401, "token_missing")
        assert_problem(await client.post("/things", json=THING, headers=KEY), 401, "token_missing")


@pytest.mark.parametrize("token", ["x", "a.b.c", "x" * 8193])
async def test_nonsense_is_401(make_app: Make, token: str) -> None:
    assert_problem(await ask(make_app, token), 401, "token_invalid")


async def test_two_tokens_are_none(make_app: Make, issuer: DevIssuer) -> None:
    token = f"Bearer {issuer.token(**CLAIMS)}"
    async with connect(make_app()) as client:
        answer = await client.get("/things/1", headers=[("authorization", token), ("authorization", token)])
    assert_problem(answer, 401, "token_missing")


async def test_another_role_is_403(make_app: Make, issuer: DevIssuer) -> None:
    async with connect(make_app(), issuer.headers("coach")) as client:
        assert_problem(await client.post("/things", json=THING, headers=KEY), 403, "role_not_allowed")


def test_a_route_that_anybody_may_call_is_not_built(make_app: Make) -> None:
    router = APIRouter(prefix="/open")

    @router.get("/door")
    async def door() -> dict[str, str]:
        return {}

    @router.post("/twice")
    async def twice(who: Annotated[Principal, require("maker")]) -> dict[str, str]:
        return {}

    outer = APIRouter()
    outer.include_router(router, prefix="/nested")
    with pytest.raises(ValueError, match="GET /nested/open/door asks for no role") as caught:
        make_app(routers=[outer])
    assert "POST /nested/open/twice takes no Idempotency-Key" in str(caught.value)


async def test_open_pages_need_no_token(make_app: Make) -> None:
    async with connect(make_app()) as client:
        for place in ("/livez", "/metrics", "/openapi.json", "/docs"):
            assert (await client.get(place)).status_code == 200


class Issuer:
    """A key endpoint that counts and can be switched off."""

    def __init__(self, issuer: DevIssuer) -> None:
        self.asked = 0
        self.up = True
        self.keys = issuer.jwks()

    def answer(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        if not self.up:
            raise httpx.ConnectError("down")
        return httpx.Response(200, json=self.keys)


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_unknown_key_ids_do_not_flood_the_issuer(issuer: DevIssuer) -> None:
    counted, clock = Issuer(issuer), Seconds()
    keys = KeySet("http://x/jwks", httpx.AsyncClient(transport=httpx.MockTransport(counted.answer)), clock)
    for _ in range(20):
        assert await keys.key("invented") is None
        assert await keys.key("development-1") is not None
    assert counted.asked == 1
    clock.now += REFRESH_AT_MOST_EVERY_SECONDS
    await keys.key("invented")
    assert counted.asked == 2


async def test_keys_turn_over_and_outlive_an_outage(issuer: DevIssuer) -> None:
    counted, clock = Issuer(issuer), Seconds()
    keys = KeySet("http://x/jwks", httpx.AsyncClient(transport=httpx.MockTransport(counted.answer)), clock)
    await keys.key("development-1")
    counted.up = False
    clock.now += 10_000
    assert await keys.key("development-1") is not None
    counted.up, counted.keys = True, {"keys": [{**issuer.jwks()["keys"][0], "kid": "new"}]}
    clock.now += 10_000
    assert await keys.key("new") is not None
    assert await keys.key("development-1") is None


async def test_a_verified_token_is_remembered_until_it_expires_or_its_key_goes(settings: Settings) -> None:
    issuer = DevIssuer(settings)
    source, fetched, clock, now = Issuer(issuer), Seconds(), Seconds(), system_clock()
    clock.now = now.timestamp()
    keys = KeySet("http://x/jwks", httpx.AsyncClient(transport=httpx.MockTransport(source.answer)), fetched)
    verifier = TokenVerifier(keys, issuer=settings.issuer_url, audience=settings.audience, seconds=clock)
    token = issuer.token(**CLAIMS, exp=now + timedelta(hours=1))
    first = await verifier.verify(token)
    with patch.object(jwt, "decode", side_effect=AssertionError("checked again")):
        assert await verifier.verify(token) == first
    clock.now += 3600 + LEEWAY_SECONDS
    with patch.object(jwt, "decode", side_effect=jwt.ExpiredSignatureError), pytest.raises(Problem) as late:
        await verifier.verify(token)
    assert late.value.code == "token_expired"

    clock.now = now.timestamp()
    await verifier.verify(token)
    source.keys = DevIssuer(settings).jwks()  # another key under the same name
    fetched.now += 10_000
    with pytest.raises(Problem) as stolen:
        await verifier.verify(token)
    assert stolen.value.code == "token_invalid"


async def test_a_shared_secret_among_the_issuers_keys_signs_nothing(make_app: Make, settings: Settings) -> None:
    secret = b"a secret that more than one party knows"
    shared = {"kty": "oct", "kid": "s", "alg": "HS256", "k": base64.urlsafe_b64encode(secret).decode().rstrip("=")}
    token = jwt.encode({**CLAIMS, **times(settings)}, secret, "HS256", headers={"kid": "s"})
    app = make_app(issuer_transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"keys": [shared]})))
    async with connect(app, {"authorization": f"Bearer {token}"}) as client:
        assert_problem(await client.get("/things/1"), 401, "token_invalid")


@pytest.mark.parametrize(
    "reply",
    [httpx.Response(500), httpx.Response(200, text="<html>"), httpx.Response(200, json=[])],
    ids=["error", "page", "list"],
)
async def test_without_any_key_the_answer_is_503(make_app: Make, issuer: DevIssuer, reply: httpx.Response) -> None:
    app = make_app(issuer_transport=httpx.MockTransport(lambda _: reply))
    async with connect(app, issuer.headers("maker")) as client:
        assert_problem(await client.get("/things/1"), 503, "issuer_unavailable")


def test_the_development_issuer_refuses_to_start_elsewhere() -> None:
    with pytest.raises(ValueError, match="PATHWAY_ENVIRONMENT=development"):
        create_issuer(Settings(environment=Environment.PRODUCTION))


def test_an_api_refuses_development_keys_elsewhere() -> None:
    with pytest.raises(ValueError, match="PATHWAY_IDEMPOTENCY_HMAC_KEY"):
        create_api(build(), Settings(), routers=[], title="x")


async def test_the_development_issuer_over_http(settings: Settings, make_app: Make) -> None:
    issuer = create_issuer(settings)
    async with connect(issuer) as client:
        told = (await client.get("/.well-known/openid-configuration")).json()
        token = (await client.post("/token", json=CLAIMS)).json()["access_token"]
        assert (await client.post("/token", json={"sub": "x"})).status_code == 422
    assert told["jwks_uri"] == settings.jwks_url
    app = make_app(issuer_transport=httpx.ASGITransport(issuer))
    async with connect(app, {"authorization": f"Bearer {token}"}) as client:
        assert (await client.get("/things/1")).json()["subject"] == "s1"
