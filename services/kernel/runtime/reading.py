"""A session for a command that reads with SQLModel, as the APIs do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession


@asynccontextmanager
async def reading_session(dsn: str) -> AsyncIterator[AsyncSession]:
    """Yield a session of one database, as of one moment; it may not write."""
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn)).execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    try:
        async with AsyncSession(engine) as session:
            yield session
    finally:
        await engine.dispose()
