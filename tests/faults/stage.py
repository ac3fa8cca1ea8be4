"""One test's stage: topics, a database, numbers that go in, and the proof that each had one effect.

The stage remembers every number that it sent. :meth:`Stage.prove` ends each case: every number counted
exactly once, every tally on the log at least once and under one id, nothing waiting, nothing dead, no
stop, positions at the ends of the log; or exactly the exceptions that the case names.
"""

import asyncio
import contextlib
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from services.embedded.processes import Child, Supervisor
from services.kernel.catalogue import load_catalogue
from services.kernel.decision import Command
from services.kernel.envelope import Headers
from services.kernel.runtime.commands import Commands
from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.log_view import Place
from services.kernel.runtime.partition import partition_of
from services.kernel.runtime.records import Record
from services.kernel.runtime.relay import Relay
from services.kernel.runtime.roles import new_runner
from services.kernel.settings import Environment, RunnerKind, Settings
from tests.parts.databases import Databases
from tests.parts.kafka import Broker
from tests.parts.kafka_admin import Raw
from tests.tally.domain import Added, tally_service
from tests.tally.records import added, headers

TOPICS = Path(__file__).parents[2] / "schemas" / "topics"
PARTITIONS = 3
SECONDS = 40.0
SESSION_SECONDS = 6.0

BLOCKED = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE '%' || $1 || '%'
"""
GONE = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
_children = itertools.count(1)


@dataclass
class Expected:
    """What a key must have come to: how many numbers, and their sum."""

    count: int = 0
    total: int = 0


@dataclass
class Stage:
    """One test's topics and database. Use :func:`tests.faults.stage.open_stage`."""

    kafka: Broker
    databases: Databases
    processes: Supervisor
    prefix: str
    admin: asyncpg.Connection
    pool: asyncpg.Pool
    runner: str = "faust"
    partitions: int = PARTITIONS
    expected: dict[str, Expected] = field(default_factory=lambda: defaultdict(Expected))
    sequences: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def numbers(self) -> str:
        """The input topic on the broker."""
        return f"{self.prefix}numbers"

    @property
    def tallies(self) -> str:
        """The output topic on the broker."""
        return f"{self.prefix}tallies"

    @property
    def group(self) -> str:
        """The consumer group."""
        return f"{self.prefix}pathway-tally"

    def settings(self, **changes: Any) -> Settings:
        """Settings of a role that runs in this process."""
        return Settings(
            **{
                "environment": Environment.DEVELOPMENT,
                "kafka_bootstrap": self.kafka.bootstrap,
                "topic_prefix": self.prefix,
                "database_url": SecretStr(self.databases("tally").dsn),
                "session_timeout_seconds": SESSION_SECONDS,
                "runner": RunnerKind(self.runner),
                **changes,
            }
        )

    def environment(self, **changes: str) -> dict[str, str]:
        """The environment of a role that runs as a process of its own."""
        return {
            **self.databases.environment("tally"),
            "PATHWAY_ENVIRONMENT": "development",
            "PATHWAY_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "PATHWAY_TOPIC_PREFIX": self.prefix,
            "PATHWAY_RUNNER": self.runner,
            "PATHWAY_HTTP_PORT": "0",
            "PATHWAY_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
            **changes,
        }

    def worker(self, **changes: str) -> Child:
        """Start a worker as a process."""
        return self._start("worker", changes)

    def relay(self, **changes: str) -> Child:
        """Start a relay as a process."""
        return self._start("relay", changes)

    def _start(self, role: str, changes: dict[str, str]) -> Child:
        name = f"{role}-{next(_children)}"
        return self.processes.python(name, "-m", "tests.tally", role, env=self.environment(**changes))

    @asynccontextmanager
    async def consuming(self, **changes: Any) -> AsyncIterator[Consumption]:
        """Run a worker in this process while the block runs."""
        consumption = Consumption(tally_service(), self.settings(**changes))
        async with running(new_runner(consumption)):
            yield consumption

    @asynccontextmanager
    async def relaying(self, **changes: Any) -> AsyncIterator[Relay]:
        """Run a relay in this process while the block runs."""
        relay = Relay(tally_service(), self.settings(**changes))
        async with running(relay):
            yield relay

    # what goes in

    def raw(
        self, key: str, sequence: int, number: int = 1, *, event: str | None = None, partition: int | None = None
    ) -> Raw:
        """Return a number as a record for the broker, in its key's partition unless another is given."""
        return self.bytes(key.encode(), added(number), headers(key, sequence, event=event), partition)

    def bytes(self, key: bytes | None, value: bytes | None, found: Headers = (), partition: int | None = None) -> Raw:
        """Return any record for the broker."""
        place = partition_of((key or b"").decode("latin-1"), self.partitions) if partition is None else partition
        return Raw(self.numbers, value, key, place, dict(found))

    def next(self, key: str, number: int = 1, *, partition: int | None = None) -> Raw:
        """Return the next number of a key, and expect it to be counted."""
        self.expect(key, number)
        self.sequences[key] += 1
        return self.raw(key, self.sequences[key], number, partition=partition)

    def expect(self, key: str, number: int) -> None:
        """Expect one more number of a key."""
        self.expected[key].count += 1
        self.expected[key].total += number

    async def put(self, records: Iterable[Raw]) -> None:
        """Write records to the broker, in order."""
        await asyncio.to_thread(self.kafka.produce, list(records))

    async def send(self, keys: Iterable[str], each: int = 1) -> None:
        """Send ``each`` numbers to each key, turn about; all different, so that a wrong sum shows."""
        wanted = list(keys)
        records = [
            self.next(key, 1 + 1000 * place + self.sequences[key])
            for _ in range(each)
            for place, key in enumerate(wanted)
        ]
        await self.put(records)

    def key_in(self, partition: int, name: str = "k") -> str:
        """Return a key that belongs to a partition."""
        return next(k for n in itertools.count() if partition_of(k := f"{name}{n}", self.partitions) == partition)

    async def decide(self, keys: Iterable[str], each: int = 1) -> None:
        """Fill the outbox without a consumer: numbers that a command adds."""
        commands = Commands(self.pool, tally_service(), None)
        for key in [key for _ in range(each) for key in keys]:
            self.expect(key, number := 1 + self.expected[key].count)
            async with commands.begin() as transaction:
                await transaction.execute(Command(transaction.command_id, "number.add", key, Added(number=number)))

    # what gets in the way

    @asynccontextmanager
    async def holding(self, *statements: str) -> AsyncIterator[asyncpg.Connection]:
        """Hold what the statements lock while the block runs, or until the server ends the connection."""
        connection = await asyncpg.connect(self.databases("tally").admin_dsn)
        try:
            await connection.execute("BEGIN")
            for statement in statements:
                await connection.execute(statement)
            yield connection
            with contextlib.suppress(*GONE):
                await connection.execute("COMMIT")
        finally:
            connection.terminate()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze the broker: connections stay open and nothing answers."""
        self.kafka.pause()
        try:
            yield
        finally:
            self.kafka.resume()

    async def reconnect(self) -> None:
        """Connect the stage itself again, after the server was restarted."""
        self.admin.terminate()
        self.admin = await asyncpg.connect(self.databases("tally").admin_dsn)

    # what comes out

    async def totals(self) -> dict[str, tuple[int, int]]:
        """Return (count, sum) of each tally in the database."""
        rows = await self.admin.fetch(
            "SELECT key, (state->>'count')::int, (state->>'total')::bigint FROM aggregate WHERE state IS NOT NULL"
        )
        return {key: (count, total) for key, count, total in rows}

    async def until(self, sql: str, *arguments: Any, seconds: float = SECONDS) -> None:
        """Wait until a query's first value is true (or not 0)."""

        async def holds() -> bool:
            return bool(await self.admin.fetchval(sql, *arguments))

        await until(holds, seconds, sql)

    async def until_blocked(self, text: str) -> int:
        """Wait until a backend waits for a lock in a query that holds ``text``; returns its pid."""
        await self.until(f"SELECT EXISTS ({BLOCKED})", text)
        found: int = await self.admin.fetchval(BLOCKED, text)
        return found

    async def until_counted(self, seconds: float = SECONDS) -> None:
        """Wait until every expected number is counted, or fail with what is missing."""
        await self._until_found(self.totals, self._wanted(), seconds)

    async def prove(
        self,
        *,
        dead: Sequence[tuple[str, str]] = (),
        waiting: Sequence[tuple[str, int]] = (),
        stop: str | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """Wait for the end and assert that each number had exactly one effect, and nothing else happened.

        With ``stop`` the consumer must have stopped for that reason; else it must have read all there is.
        """
        wanted = {"totals": self._wanted(), "unsent": 0, "dead": list(dead), "waiting": list(waiting), "stop": stop}
        if stop is None:
            wanted["positions"] = await self.ends()
        await self._until_found(lambda: self._found(wanted), wanted, seconds)
        await self.prove_log()

    def _wanted(self) -> dict[str, tuple[int, int]]:
        return {key: (e.count, e.total) for key, e in self.expected.items() if e.count}

    async def _found(self, wanted: Iterable[str]) -> dict[str, Any]:
        fetch = self.admin.fetch
        found = {
            "totals": await self.totals(),
            "unsent": await self.admin.fetchval("SELECT count(*) FROM outbox_unsent"),
            "dead": [tuple(r) for r in await fetch("SELECT kind, code FROM dead_letter ORDER BY id")],
            "waiting": [
                tuple(r) for r in await fetch("SELECT key, sequence FROM waiting_event ORDER BY key, sequence")
            ],
            "stop": await self.admin.fetchval("SELECT reason FROM consumer_stop WHERE resumed_at IS NULL"),
            "positions": await self.positions(),
        }
        return {name: found[name] for name in wanted}

    async def _until_found(
        self, look: Callable[[], Awaitable[dict[str, Any]]], wanted: dict[str, Any], seconds: float
    ) -> None:
        found: dict[str, Any] = {}

        async def right() -> bool:
            nonlocal found
            found = await look()
            return found == wanted or self._too_much(found.get("totals", found))

        try:
            await until(right, seconds)
        except TimeoutError as error:
            raise AssertionError(f"after {seconds:.0f} s: {_difference(found, wanted)}") from error
        assert found == wanted, _difference(found, wanted)

    def _too_much(self, totals: dict[str, tuple[int, int]]) -> bool:
        """Something was counted twice: that never gets better."""
        return any(count > self.expected[key].count for key, (count, _) in totals.items())

    async def ends(self) -> dict[int, int]:
        """The end of each partition of the input that holds something."""
        found = await asyncio.to_thread(self.kafka.ends, self.numbers)
        return {n: end for n, (_, end) in found.items() if end}

    async def positions(self) -> dict[int, int]:
        """The positions above 0."""
        rows = await self.admin.fetch("SELECT partition, next_offset FROM stream_position WHERE next_offset > 0")
        return dict(map(tuple, rows))

    async def resume(self) -> None:
        """Open the latch, as the operator's command does."""
        await self.admin.execute("UPDATE consumer_stop SET resumed_at = clock_timestamp() WHERE resumed_at IS NULL")

    async def prove_log(self) -> None:
        """Assert that the log holds each tally at least once, in order per key, each under one id."""
        ids: dict[tuple[str, int], set[str]] = defaultdict(set)
        first: dict[str, list[int]] = defaultdict(list)
        for record in await asyncio.to_thread(self.kafka.read, self.tallies):
            key, sequence = (record.key or b"").decode(), int(record.headers["ce_sequence"])
            if (key, sequence) not in ids:
                first[key].append(sequence)
            ids[key, sequence].add(record.headers["ce_id"].decode())
        assert all(len(found) == 1 for found in ids.values()), "a sequence was given to two events"
        made: dict[str, int] = dict(
            map(tuple, await self.admin.fetch("SELECT key, sequence FROM aggregate WHERE sequence > 0"))
        )
        # a repeat may come again later, but nothing new ever comes before what precedes it
        assert dict(first) == {key: list(range(1, count + 1)) for key, count in made.items()}


def smallest_batch() -> int:
    """The least that a topic of the catalogue takes at once, in bytes: what a relay must live with."""
    return min(topic.max_message_bytes for topic in load_catalogue(TOPICS).values())


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    wrong = {k: f"{found.get(k)}, not {wanted.get(k)}" for k in {*found, *wanted} if found.get(k) != wanted.get(k)}
    return "; ".join(f"{name}: {text}" for name, text in sorted(wrong.items())[:10])


def spy(consumption: Consumption) -> dict[int, list[int]]:
    """Return the offsets that will be handed to the kernel from now on, by partition."""
    offsets: dict[int, list[int]] = defaultdict(list)
    take = consumption.take

    async def noted(batches: Mapping[Place, Sequence[Record]]) -> None:
        for (_, partition), records in batches.items():
            offsets[partition] += [record.offset for record in records]
        await take(batches)

    consumption.take = noted  # type: ignore[method-assign]  # a test looks over its shoulder
    return offsets


@asynccontextmanager
async def running(role: Any) -> AsyncIterator[None]:
    """Run a role in this process while the block runs."""
    task = asyncio.ensure_future(role.run())
    try:
        yield
    except BaseException:
        if task.done() and not task.cancelled() and task.exception() is not None:
            raise AssertionError("the role ended by itself") from task.exception()
        raise
    finally:
        role.stop()
        await asyncio.wait([task], timeout=20)
        if not task.done():
            task.cancel()
    await task


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = SECONDS, what: str = "") -> None:
    """Wait for a condition; raises TimeoutError, saying ``what``, when it does not come about."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        await asyncio.sleep(0.01)


@asynccontextmanager
async def open_stage(
    kafka: Broker, databases: Databases, processes: Supervisor, prefix: str, *, partitions: int = PARTITIONS
) -> AsyncIterator[Stage]:
    """Make the topics and the database of a stage."""
    kafka.create_topics([f"{prefix}numbers"], partitions=partitions)
    kafka.create_topics([f"{prefix}tallies"], partitions, {"max.message.bytes": str(smallest_batch())})
    admin = await asyncpg.connect(databases("tally").admin_dsn)
    pool = await open_pool(databases("tally").dsn, size=4)
    stage = Stage(kafka, databases, processes, prefix, admin, pool, partitions=partitions)
    try:
        yield stage
    finally:
        stage.admin.terminate()
        pool.terminate()
