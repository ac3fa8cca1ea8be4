"""A world a module; each test finds the database empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.embedded.postgres import Postgres
from tests.integration.bulk.world import World, open_world
from tests.integration.http.conftest import emptied


@pytest.fixture(scope="module")
def _world(postgres: Postgres, _templates: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(postgres, _templates, tmp_path_factory.mktemp("import")) as world:
        yield world


@pytest.fixture
def world(_world: World) -> World:
    emptied(_world.databases("intake"))
    return _world


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"
