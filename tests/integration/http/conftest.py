"""A kernel database and a tiny API on it: what every service's API is made of, without any domain."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from sqlalchemy import text
from starlette.responses import JSONResponse

from services.embedded.postgres import Postgres
from services.kernel.decision import Command, Draft, Event, Reason, Refused
from services.kernel.http import Answer, Once, Principal, ReadSession, create_api, require
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.registry import Contract, FieldClass, Registry
from services.kernel.runtime.commands import Transaction
from services.kernel.service import Service
from services.kernel.settings import Environment, Settings
from tests.parts.databases import Database, Databases

COUNTED = "org.example.counter.counted.v1"


class Counted(BaseModel):
    model_config = ConfigDict(frozen=True)
    by: int


class Counter(BaseModel):
    model_config = ConfigDict(frozen=True)
    total: int = 0


class Count(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    by: int = Field(ge=1, le=1000)
    note: str | None = None


def decide(state: Counter | None, cause: Any, *, policy: Any, now: datetime) -> list[Draft]:
    if cause.data.by == 666:
        raise RuntimeError("a bug with a secret in it")
    if cause.data.by == 667:
        return [Draft(COUNTED, Counted(by=1).model_copy(update={"by": {"words": "a secret in the wrong place"}}))]
    if (state.total if state else 0) + cause.data.by > 1000:
        raise Refused(Reason("limit_reached", "the counter is full", "/by"), status=409)
    return [Draft(COUNTED, Counted(by=cause.data.by))]


def evolve(state: Counter | None, event: Event) -> Counter:
    return Counter(total=(state.total if state else 0) + event.data.by)


def build() -> Service:
    return Service(
        name="counter",
        registry=Registry(
            [Contract(COUNTED, Counted, "counter.counted", "counter")], lambda: {COUNTED: {"by": FieldClass.OPEN}}
        ),
        inputs=(),
        output="counter.counted",
        handles=frozenset(),
        state=Counter,
        decide=decide,
        evolve=evolve,
        policy=lambda: None,
    )


router = APIRouter()


@router.post("/counters/{key}/counts")
async def count(key: str, body: Count, once: Once, who: Annotated[Principal, require("coach")]) -> JSONResponse:
    async def handle(tx: Transaction) -> Answer:
        done = await tx.execute(Command(id=tx.command_id, type="count", key=key, data=body, actor=who.subject))
        return Answer(201, {"key": key, "total": done.state.total}, location=f"/counters/{key}")

    return await once(handle, unstored={"note": body.note})


@router.get("/counters/{key}")
async def read(
    key: str, session: ReadSession, who: Annotated[Principal, require()], at_most: int | None = None
) -> dict[str, Any]:
    found = (
        await (await session.connection()).execute(text("SELECT state FROM aggregate WHERE key = :key"), {"key": key})
    ).scalar()
    return {"key": key, "state": found, "at_most": at_most}


Ask = Callable[[str], str]
"""Runs SQL in the test's database as the superuser and returns its rows."""


@pytest.fixture(scope="module")
def databases(postgres: Postgres, _templates: dict[str, str]) -> Iterator[Databases]:
    """Databases that a module's tests share; each test finds them empty."""
    made = Databases(postgres, _templates)
    yield made
    made.close()


_EMPTY = """DO $$ BEGIN EXECUTE (
    SELECT 'TRUNCATE ' || string_agg(quote_ident(relname), ', ') FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'alembic_version'
); END $$"""


def emptied(database: Database) -> Database:
    database.postgres.execute(_EMPTY, database.name)
    return database


@pytest.fixture
def counter(databases: Databases) -> Database:
    return emptied(databases("counter"))


@pytest.fixture
def ask(counter: Database) -> Ask:
    return lambda sql: counter.postgres.execute(sql, counter.name)


def settings_for(database: Database) -> Settings:
    return Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(database.dsn))


@pytest.fixture
def settings(counter: Database) -> Settings:
    return settings_for(counter)


@pytest.fixture
def issuer(settings: Settings) -> DevIssuer:
    return DevIssuer(settings)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2024, 11, 18, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def app(settings: Settings, issuer: DevIssuer, clock: Clock) -> AsyncIterator[FastAPI]:
    made = create_api(
        build(), settings, routers=[router], title="Counter", issuer_transport=issuer.transport(), clock=clock
    )
    async with made.router.lifespan_context(made):
        yield made


@asynccontextmanager
async def calling(app: FastAPI, headers: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
        yield client


@pytest.fixture
async def client(app: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(app, issuer.headers("coach")) as made:
        yield made
