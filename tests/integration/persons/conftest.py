"""A world for each test, and the ``pathway`` command on it."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from services.cli import app
from tests.integration.persons.world import ORDER, World, world_of
from tests.parts.databases import Databases

Pathway = Callable[..., Result]


@pytest.fixture
def world(database: Databases) -> World:
    return world_of(database)


@pytest.fixture
def pathway(world: World, database: Databases, monkeypatch: pytest.MonkeyPatch) -> Pathway:
    """``pathway("person", "export", ...)`` as typed; not within a running loop."""
    for name, value in database.environment(*ORDER, "vault").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATHWAY_ENVIRONMENT", "development")
    for module in ("services.cli", "services.cli_groups"):
        monkeypatch.setattr(f"{module}.configure_logs", lambda *_, **__: None)
    return lambda *words, **more: CliRunner().invoke(app, list(words), **more)
