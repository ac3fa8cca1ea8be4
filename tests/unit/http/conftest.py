"""An API without a database: everything here is answered before one is needed."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, ConfigDict, Field

from services.kernel import context
from services.kernel.decision import Reason, Refused
from services.kernel.http import Once, Principal, create_api, require
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.registry import Registry
from services.kernel.service import Service
from services.kernel.settings import Environment, Settings

NOW = datetime(2024, 11, 18, 9, 30, tzinfo=UTC)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = Field(ge=0, le=9)


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    inner: Inner
    many: list[Inner] = []


router = APIRouter()


@router.post("/things")
async def make(thing: Thing, once: Once, who: Annotated[Principal, require("maker")]) -> dict[str, Any]:
    return {
        "name": thing.name,
        "key": once.sender.key,
        "client": once.sender.client,
        "route": once.sender.route,
        "correlation": context.correlation_id.get(),
        "trace": context.traceparent.get(),
    }


@router.get("/things/{number}")
async def read(number: int, who: Annotated[Principal, require()], limit: int = 1) -> dict[str, Any]:
    if number == 409:
        raise Refused(Reason("first", "one", "/a"), Reason("second", "two", "/b"), status=409)
    if number == 500:
        raise ValueError("Ada Example, 9990000018")
    if number == 503:
        raise ConnectionRefusedError("/secret/socket")
    return {"subject": who.subject, "organisation": who.organisation_id, "kind": who.organisation_kind}


@router.get("/broken-reply", response_model=Inner)
async def broken_reply(who: Annotated[Principal, require()]) -> Any:
    return {"size": "Ada Example"}


def build() -> Service:
    return Service(
        name="thing",
        registry=Registry([]),
        inputs=(),
        output="thing",
        handles=frozenset(),
        state=Thing,
        decide=lambda *_, **__: [],
        evolve=lambda state, _: state,
        policy=lambda: None,
    )


@pytest.fixture
def settings() -> Settings:
    return Settings(environment=Environment.DEVELOPMENT)


@pytest.fixture
def issuer(settings: Settings) -> DevIssuer:
    return DevIssuer(settings)


Make = Callable[..., FastAPI]


@pytest.fixture
def make_app(settings: Settings, issuer: DevIssuer) -> Make:
    def made(**more: Any) -> FastAPI:
        asked: Mapping[str, Any] = {"routers": [router], "issuer_transport": issuer.transport(), **more}
        app = create_api(build(), settings, title="Things", **asked)
        app.state.parts.commands = None
        return app

    return made


@pytest.fixture
async def client(make_app: Make, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(make_app(), issuer.headers("maker")) as made:
        yield made


def connect(app: FastAPI, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=headers or {})


THING = {"name": "x", "inner": {"size": 1}}
