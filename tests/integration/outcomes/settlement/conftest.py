"""A programme whose months can be closed: its file, its commands, and entries that plans have earned."""

from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
import pytest

from services.kernel.runtime.commands import Commands
from services.outcomes.service import build
from services.programmes.book import ProgrammeBook
from services.programmes.reader import load_book
from tests.unit.outcomes.histories import MANCHESTER

LATE = datetime(2025, 6, 2, 9, tzinfo=UTC)
Narrow = Callable[..., ProgrammeBook]


@pytest.fixture
def book() -> ProgrammeBook:
    return load_book()


@pytest.fixture
def commands(pool: asyncpg.Pool) -> Commands:
    return Commands(pool, build(), MANCHESTER, lambda: LATE)
