"""What the kernel is measured against: plain Faust agents, as its documentation would have one written.

``python -m tests.benchmarks.rivals plain|sqlmodel INPUT OUTPUT``
"""

import os
import sys
from typing import Any

import faust
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from services.contracts.referral import ReferralCreated


class Seen(SQLModel, table=True):
    """A row for each referral: what a service would at least keep."""

    __tablename__ = "bench_seen"
    referral_id: str = Field(primary_key=True)
    state: str


def new_app(name: str, source: str) -> faust.App:
    """Return an app with Faust's own defaults."""
    return faust.App(
        f"bench-{name}-{source}",
        broker=f"kafka://{os.environ['PATHWAY_KAFKA_BOOTSTRAP']}",
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
    )


def plain(source: str, target: str) -> faust.App:
    """Build an agent that decodes and sends, without a database or any guarantee."""
    app = new_app("plain", source)
    output = app.topic(target, value_type=bytes, value_serializer="raw", key_type=bytes)

    @app.agent(app.topic(source, value_type=bytes, value_serializer="raw", key_type=bytes))
    async def pass_on(stream: Any) -> None:
        async for event in stream.events():
            referral = ReferralCreated.model_validate_json(event.value)
            await output.send(key=event.key, value=referral.model_dump_json().encode())

    return app


def with_sqlmodel(source: str, target: str) -> faust.App:
    """Build the same with one SQLModel transaction an event."""
    app = new_app("sqlmodel", source)
    output = app.topic(target, value_type=bytes, value_serializer="raw", key_type=bytes)
    engine = create_async_engine(os.environ["BENCH_DATABASE"].replace("postgresql://", "postgresql+asyncpg://"))

    @app.agent(app.topic(source, value_type=bytes, value_serializer="raw", key_type=bytes))
    async def keep_and_pass_on(stream: Any) -> None:
        async for event in stream.events():
            referral = ReferralCreated.model_validate_json(event.value)
            async with AsyncSession(engine) as session:
                session.add(Seen(referral_id=referral.referral_id, state="seen"))
                await session.commit()
            await output.send(key=event.key, value=referral.model_dump_json().encode())

    return app


if __name__ == "__main__":
    which, source, target = sys.argv[1:]
    app = plain(source, target) if which == "plain" else with_sqlmodel(source, target)
    faust.Worker(app, loglevel="ERROR").execute_from_commandline()
